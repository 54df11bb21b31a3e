import copy

import pytest
import timm
import torch
from torch import Tensor, nn

import groupnl.models  # noqa: F401 (registers the tiny model)
from groupnl.card import InputConfig
from groupnl.errors import ConfigError
from groupnl.inference.device import choose_device, choose_precision
from groupnl.inference.engines.torch_engine import TorchEngine

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
    logits = TorchEngine(model, CONFIG, CPU, torch.bfloat16)(pixels)
    assert logits.dtype == torch.float32
    assert not torch.equal(logits, expected)
    assert (logits - expected).abs().max() < 0.05 * expected.abs().max()


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
    TorchEngine(model, CONFIG, CPU, torch.bfloat16)
    assert torch.backends.cudnn.allow_tf32
    TorchEngine(model, CONFIG, CPU, torch.float32)
    assert not torch.backends.cudnn.allow_tf32


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


def test_a_batch_too_large_for_memory_is_run_image_by_image(pixels: Tensor) -> None:
    recorder = Recorder(memory=1)
    logits = TorchEngine(recorder, CONFIG, CPU, torch.float32)(pixels)
    assert recorder.batches == [4, 1, 1, 1, 1]
    torch.testing.assert_close(logits, TorchEngine(Recorder(memory=4), CONFIG, CPU, torch.float32)(pixels))


def test_an_image_too_large_for_memory_is_an_error(pixels: Tensor) -> None:
    with pytest.raises(torch.OutOfMemoryError):
        TorchEngine(Recorder(memory=0), CONFIG, CPU, torch.float32)(pixels)
