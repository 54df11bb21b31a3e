import copy
from contextlib import nullcontext
from pathlib import Path

import pytest
import timm
import torch
from timm.layers import StdConv2d
from torch import Tensor, nn

import groupnl.models  # noqa: F401 (registers the tiny model)
from groupnl.card import InputConfig
from groupnl.errors import ConfigError
from groupnl.inference.device import choose_device, choose_precision
from groupnl.inference.engines import aot
from groupnl.inference.engines import engine as engine_module
from groupnl.inference.engines.engine import HALVINGS, Halvings, MemoryFaults, on_stream, to_device
from groupnl.inference.engines.kind import Spec
from groupnl.inference.engines.torch_engine import TorchEngine
from groupnl.inference.pixels import PixelNetwork

CPU = torch.device("cpu")
CONFIG = InputConfig(size=64, mean=(0.5, 0.4, 0.3), std=(0.2, 0.25, 0.3), crop_pct=0.875, interpolation="bilinear")


@pytest.fixture(scope="module")
def model() -> nn.Module:
    torch.manual_seed(0)
    return timm.create_model("test_gnl_efficientnet", num_classes=7).eval()


@pytest.fixture(scope="module")
def pixels() -> Tensor:
    return torch.randint(0, 256, (4, 3, 64, 64), dtype=torch.uint8, generator=torch.manual_seed(1))


@pytest.fixture(scope="module")
def expected(model: nn.Module, pixels: Tensor) -> Tensor:
    images = pixels.float() / 255
    images = (images - torch.tensor(CONFIG.mean).view(3, 1, 1)) / torch.tensor(CONFIG.std).view(3, 1, 1)
    with torch.no_grad():
        return copy.deepcopy(model)(images)


def test_float32_is_exact(model: nn.Module, pixels: Tensor, expected: Tensor) -> None:
    logits = TorchEngine(model, CONFIG, CPU, torch.float32)(pixels)
    assert logits.dtype == torch.float32
    assert not logits.requires_grad
    torch.testing.assert_close(logits, expected, rtol=1e-4, atol=1e-5)


def test_bfloat16_is_close_and_not_the_same(model: nn.Module, pixels: Tensor, expected: Tensor) -> None:
    logits = TorchEngine(copy.deepcopy(model), CONFIG, CPU, torch.bfloat16)(pixels)
    assert logits.dtype == torch.float32
    assert not torch.equal(logits, expected)
    assert (logits - expected).abs().max() < 0.05 * expected.abs().max()


def test_weights_are_converted_once_and_the_answers_are_those_of_autocast(model: nn.Module, pixels: Tensor) -> None:
    engine_own, usual = copy.deepcopy(model), PixelNetwork(model, CONFIG).eval()
    logits = TorchEngine(engine_own, CONFIG, CPU, torch.bfloat16)(pixels)
    assert {module.weight.dtype for module in engine_own.modules() if isinstance(module, nn.Conv2d)} == {torch.bfloat16}
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        expected = usual(pixels.contiguous(memory_format=torch.channels_last))
    assert torch.equal(logits, expected)


def test_weights_that_a_layer_computes_with_first_stay_exact() -> None:
    layer = StdConv2d(3, 4, 3)
    TorchEngine(nn.Sequential(layer, nn.Conv2d(4, 2, 1)), CONFIG, CPU, torch.bfloat16)
    assert layer.weight.dtype == torch.float32


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
@pytest.mark.parametrize("wanted", ["auto", "float16", "bfloat16", "float32"])
def test_cuda_is_close(wanted: str, model: nn.Module, pixels: Tensor, expected: Tensor) -> None:
    device = choose_device("cuda")
    logits = TorchEngine(copy.deepcopy(model), CONFIG, device, choose_precision(wanted, device))(pixels)
    assert logits.device == CPU
    assert logits.dtype == torch.float32
    tolerance = 1e-4 if wanted == "float32" else 0.05  # TF32 has an error of about 1e-3
    assert (logits - expected).abs().max() < tolerance * expected.abs().max()


def test_float32_is_not_tf32_in_convolutions(model: nn.Module, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    TorchEngine(copy.deepcopy(model), CONFIG, CPU, torch.bfloat16)
    assert torch.backends.cudnn.allow_tf32
    TorchEngine(model, CONFIG, CPU, torch.float32)
    assert not torch.backends.cudnn.allow_tf32


def test_packages_in_float32_are_not_tf32_either(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    monkeypatch.setattr(aot, "PackageEngine", lambda *args, **kwargs: None)
    (tmp_path / aot.PACKAGE_FILE).touch()
    for precision, is_allowed in ((torch.float16, True), (torch.float32, False)):
        aot.Aot().open(tmp_path, nn.Module, Spec(CONFIG, CPU, precision))
        assert torch.backends.cudnn.allow_tf32 is is_allowed


def test_an_image_does_not_depend_on_its_batch(model: nn.Module, pixels: Tensor) -> None:
    engine = TorchEngine(model, CONFIG, CPU, torch.float32)
    alone = torch.cat([engine(pixels[index : index + 1]) for index in range(len(pixels))])
    torch.testing.assert_close(engine(pixels), alone, rtol=1e-4, atol=1e-5)


def test_the_pixels_are_left_alone(model: nn.Module, pixels: Tensor) -> None:
    before = pixels.clone()
    TorchEngine(model, CONFIG, CPU, torch.float32)(pixels)
    assert torch.equal(pixels, before)


class Recorder(nn.Module):
    """Keeps the batch sizes it saw, and has memory for so many images at once."""

    def __init__(self, memory: int) -> None:
        super().__init__()
        self.memory = memory
        self.batches: list[int] = []

    def forward(self, images: Tensor) -> Tensor:
        self.batches.append(len(images))
        if len(images) > self.memory:
            raise torch.OutOfMemoryError("out of memory")
        return images.mean(dim=(2, 3))


def test_warm_up_runs_one_and_the_largest_batch() -> None:
    recorder = Recorder(memory=8)
    engine = TorchEngine(recorder, CONFIG, CPU, torch.float32)
    engine.warm_up(8)
    assert recorder.batches == [1, 8]
    engine.warm_up(1)
    assert recorder.batches == [1, 8, 1]


@pytest.mark.parametrize("faulty", [float("inf"), float("nan")])
def test_warm_up_refuses_logits_that_are_not_finite(faulty: float, model: nn.Module) -> None:
    overflowing = copy.deepcopy(model)
    with torch.no_grad():
        overflowing.get_parameter("classifier.bias")[3] = faulty
    with pytest.raises(ConfigError, match=r"not finite in precision torch.float32 on cpu"):
        TorchEngine(overflowing, CONFIG, CPU, torch.float32).warm_up(2)


def test_warm_up_shows_the_network_images_with_contrast() -> None:
    """An activation that overflows on no constant image must be met."""

    class Contrast(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            return images.std(dim=(2, 3)).log()

    TorchEngine(Contrast(), CONFIG, CPU, torch.float32).warm_up(2)


@pytest.mark.parametrize(
    ("images", "memory", "batches"),
    [
        (4, 4, [4]),
        (4, 2, [4, 2, 2]),
        (4, 1, [4, 2, 1, 1, 1, 1]),
        (7, 3, [7, 4, 2, 2, 2, 1]),  # halves are rounded up, and what did not fit is not tried again
        (5, 4, [5, 3, 2]),
    ],
)
def test_a_batch_too_large_for_memory_is_halved_until_it_fits(images: int, memory: int, batches: list[int]) -> None:
    pixels = torch.randint(0, 256, (images, 3, 8, 8), dtype=torch.uint8, generator=torch.manual_seed(2))
    recorder, before = Recorder(memory), HALVINGS.count
    logits = TorchEngine(recorder, CONFIG, CPU, torch.float32)(pixels)
    assert recorder.batches == batches
    assert HALVINGS.count - before == sum(batch > memory for batch in batches)
    torch.testing.assert_close(logits, TorchEngine(Recorder(images), CONFIG, CPU, torch.float32)(pixels))


def test_the_first_halving_is_told(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(engine_module, "HALVINGS", Halvings())
    engine = TorchEngine(Recorder(memory=2), CONFIG, CPU, torch.float32)
    for _ in range(2):
        engine(torch.zeros(8, 3, 8, 8, dtype=torch.uint8))
    assert engine_module.HALVINGS.count == 4
    assert [record.getMessage()[:74] for record in caplog.records] == [
        "the device's memory does not hold a batch of 8 images: it is run by 4, and"
    ]


class Played:
    """Images on a device that is not there; it notes how they are moved."""

    def __init__(self, device: str) -> None:
        self.device = torch.device(device)
        self.moves: list[object] = []

    def pin_memory(self) -> "Played":
        self.moves.append("pinned")
        return self

    def to(self, device: torch.device, non_blocking: bool = False) -> "Played":
        self.moves.append((str(device), non_blocking))
        return self


@pytest.mark.parametrize(
    ("come_from", "device", "moves"),
    [
        ("cpu", "cuda:1", ["pinned", ("cuda:1", True)]),
        ("cuda:1", "cuda:1", [("cuda:1", False)]),  # a shadow's, which were corrupted there
        ("cpu", "cpu", [("cpu", False)]),
    ],
)
def test_images_go_to_cuda_from_page_locked_memory(come_from: str, device: str, moves: list[object]) -> None:
    played = Played(come_from)
    to_device(played, torch.device(device))
    assert played.moves == moves


def test_an_image_too_large_for_memory_is_an_error(pixels: Tensor) -> None:
    with pytest.raises(torch.OutOfMemoryError):
        TorchEngine(Recorder(memory=0), CONFIG, CPU, torch.float32)(pixels)


def test_a_lack_of_memory_is_behind_an_error_where_the_allocator_has_counted_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    counts = {"num_ooms": 2}
    monkeypatch.setattr(torch.cuda, "memory_stats", lambda device: counts)
    faults = MemoryFaults(torch.device("cuda", 0))
    assert not faults.has_new()
    counts["num_ooms"] = 3
    assert faults.has_new()
    assert not faults.has_new()
    assert not MemoryFaults(CPU).has_new()


def test_a_package_that_finds_no_memory_is_run_in_halves(pixels: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    counts = {"num_ooms": 0}

    def run(batch: list[Tensor]) -> list[Tensor]:
        if len(batch[0]) > 2:
            counts["num_ooms"] += 1
            raise RuntimeError("run_func_(...) API call failed")
        return [batch[0].float().mean(dim=(2, 3))]

    monkeypatch.setattr(aot, "_opened", lambda package, device: run)
    monkeypatch.setattr(MemoryFaults, "_count", lambda self: counts["num_ooms"])
    engine, before = aot.PackageEngine(Path(), None, CONFIG, CPU), HALVINGS.count
    torch.testing.assert_close(engine(pixels), pixels.float().mean(dim=(2, 3)))
    assert HALVINGS.count - before == 1
    monkeypatch.setattr(MemoryFaults, "_count", lambda self: 0)
    with pytest.raises(RuntimeError, match="API call failed"):
        engine(pixels)


@pytest.mark.parametrize(("device", "is_waited_for"), [("cpu", False), ("cuda:1", True)])
def test_an_urgent_stream_waits_for_pixels_of_the_device_only(
    device: str, is_waited_for: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[object] = []

    class Stream:
        def wait_stream(self, other: object) -> None:
            waited.append(other)

    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: f"of {device}")
    monkeypatch.setattr(torch.cuda, "stream", lambda stream: nullcontext())
    with on_stream(Stream(), Played(device)):
        pass
    assert waited == ([f"of {device}"] if is_waited_for else [])
