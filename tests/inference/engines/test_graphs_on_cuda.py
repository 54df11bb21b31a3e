"""groupnl.inference.engines.cuda_graphs: nearly all of it needs a GPU."""

import copy
import inspect
import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest
import timm
import torch
from torch import Tensor, nn

import groupnl.models  # noqa: F401 (registers the tiny model)
from groupnl.card import InputConfig
from groupnl.inference.engines.aot import PackageEngine
from groupnl.inference.engines.cuda_graphs import CudaGraphs, trying_algorithms
from groupnl.inference.engines.engine import HALVINGS, Engine
from groupnl.inference.engines.fixed_sizes import FAILURES
from groupnl.inference.engines.torch_engine import TorchEngine

CPU, CUDA = torch.device("cpu"), torch.device("cuda", 0)
CONFIG = InputConfig(size=64, mean=(0.5, 0.4, 0.3), std=(0.2, 0.25, 0.3), crop_pct=0.875, interpolation="bilinear")
SIZES = (8, 3, 1, 9, 5, 2)
needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
needs_sm70 = pytest.mark.skipif(
    not torch.cuda.is_available() or torch.cuda.get_device_capability() < (7, 0), reason="Triton needs a newer GPU"
)


@pytest.fixture(scope="module")
def model() -> nn.Module:
    torch.manual_seed(0)
    return timm.create_model("test_gnl_efficientnet", num_classes=7).eval()


@pytest.fixture(scope="module")
def pixels() -> Tensor:
    return torch.randint(0, 256, (9, 3, 64, 64), dtype=torch.uint8, generator=torch.manual_seed(1))


def _answers_as(engine: Engine, usual: Engine, pixels: Tensor, tolerance: float) -> None:
    for images in SIZES:
        expected = usual(pixels[:images])
        error = (engine(pixels[:images]) - expected).norm() / expected.norm()
        assert error < tolerance, images


@pytest.mark.parametrize("before", [False, True])
def test_algorithms_are_tried_on_cuda_and_only_meanwhile(before: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", before)
    with trying_algorithms(CPU):
        assert torch.backends.cudnn.benchmark is before
    with trying_algorithms(CUDA):
        assert torch.backends.cudnn.benchmark
    assert torch.backends.cudnn.benchmark is before


class PlayedCuda:
    """Streams and graphs of a GPU that is not there; it notes what is asked of them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[object] = []
        graph = inspect.signature(torch.cuda.graph)

        @contextmanager
        def capture(*args: object, **options: object) -> Iterator[None]:
            asked = graph.bind(*args, **options).arguments
            self.asked.append(("record", asked["pool"], asked["stream"], asked["capture_error_mode"]))
            yield
            self.asked.append("recorded")

        monkeypatch.setattr(torch.cuda, "Stream", lambda device: self)
        monkeypatch.setattr(torch.cuda, "CUDAGraph", lambda: self)
        monkeypatch.setattr(torch.cuda, "graph", capture)
        monkeypatch.setattr(torch.cuda, "graph_pool_handle", lambda: "pool")
        monkeypatch.setattr(torch.cuda, "stream", lambda stream: nullcontext())
        monkeypatch.setattr(torch.cuda, "current_stream", lambda device: "usual")
        monkeypatch.setattr(torch.cuda, "get_sync_debug_mode", lambda: 0)
        monkeypatch.setattr(torch.cuda, "set_sync_debug_mode", lambda mode: self.asked.append(f"waiting: {mode}"))

    def wait_stream(self, stream: object) -> None:
        self.asked.append(f"wait for {stream}")

    def replay(self) -> None:
        self.asked.append("replay")


@pytest.mark.parametrize("is_urgent", [False, True])
def test_what_is_asked_of_cuda(is_urgent: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    cuda = PlayedCuda(monkeypatch)
    stream = cuda if is_urgent else None

    def compute(images: Tensor) -> Tensor:
        cuda.asked.append("compute")
        return images.float()

    replay = CudaGraphs(CUDA, stream).record(compute, torch.ones(1, 3, 2, 2, dtype=torch.uint8))
    recording = ("record", "pool", cuda, "thread_local")
    checked = "waiting: error", "compute", "waiting: 0"
    assert cuda.asked == ["wait for usual", "compute", "compute", *checked, recording, "compute", "recorded"]
    assert replay() is replay()
    assert cuda.asked[-2:] == ["replay", "replay"]


@needs_cuda
@pytest.mark.parametrize("urgent", [False, True])
@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16, torch.float16])
def test_cuda_graphs_answer_as_the_network_does(
    precision: torch.dtype, urgent: bool, model: nn.Module, pixels: Tensor
) -> None:
    before = FAILURES.count
    usual = TorchEngine(copy.deepcopy(model), CONFIG, CUDA, precision, graphs=False)
    engine = TorchEngine(copy.deepcopy(model), CONFIG, CUDA, precision, urgent=urgent)
    engine.warm_up(8)
    assert engine._on_device._fixed.sizes == [1, 2, 4, 8]
    assert FAILURES.count == before
    _answers_as(engine, usual, pixels, 1e-4 if precision == torch.float32 else 0.05)


@needs_sm70
@pytest.mark.slow
def test_cuda_graphs_of_a_compiled_network(model: nn.Module, pixels: Tensor) -> None:
    before = FAILURES.count
    usual = TorchEngine(copy.deepcopy(model), CONFIG, CUDA, torch.float16, graphs=False)
    engine = TorchEngine(copy.deepcopy(model), CONFIG, CUDA, torch.float16, compiled=True)
    engine.warm_up(8)
    assert FAILURES.count == before
    _answers_as(engine, usual, pixels, 0.05)


@needs_sm70
@pytest.mark.slow
@pytest.mark.parametrize("urgent", [False, True])
def test_cuda_graphs_of_a_package(urgent: bool, model: nn.Module, pixels: Tensor, tmp_path: Path) -> None:
    from groupnl.inference.engines.aot import PACKAGE_FILE
    from groupnl.inference.engines.package import compile_package

    compile_package(copy.deepcopy(model), CONFIG, CUDA, torch.float16, tmp_path)
    before = FAILURES.count
    engine = PackageEngine(tmp_path / PACKAGE_FILE, None, CONFIG, CUDA, urgent=urgent)
    engine.warm_up(8)
    assert engine._on_device._fixed.sizes == [1, 2, 4, 8]
    assert FAILURES.count == before
    usual = TorchEngine(copy.deepcopy(model), CONFIG, CUDA, torch.float16, graphs=False)
    _answers_as(engine, usual, pixels, 0.05)


class Waiting(nn.Module):
    """Looks at a number on the CPU, for which it must wait: nothing that can be recorded."""

    def forward(self, images: Tensor) -> Tensor:
        return images.mean(dim=(2, 3)) * (1 if images.mean().item() < 1e6 else 2)


@needs_cuda
def test_cuda_networks_that_cannot_be_recorded_run_without(pixels: Tensor, caplog: pytest.LogCaptureFixture) -> None:
    engine, before = TorchEngine(Waiting(), CONFIG, CUDA, torch.float32), FAILURES.count
    engine.warm_up(4)
    assert FAILURES.count - before == 1
    assert "there is not a CUDA graph for batches of 4, they run without" in caplog.text
    _answers_as(engine, TorchEngine(Waiting(), CONFIG, CPU, torch.float32), pixels, 1e-4)
    another = TorchEngine(nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()), CONFIG, CUDA, torch.float32)
    another.warm_up(4)
    assert another._on_device._fixed.sizes == [1, 2, 4]


@needs_cuda
def test_cuda_batches_that_do_not_fit_are_halved_and_replayed(pixels: Tensor) -> None:
    class Small(nn.Module):
        """Asks for more memory than there is, from five images on."""

        def forward(self, images: Tensor) -> Tensor:
            if len(images) > 4:
                torch.empty(2**50, dtype=torch.uint8, device=images.device)
            return images.mean(dim=(2, 3))

    engine = TorchEngine(Small(), CONFIG, CUDA, torch.float32)
    engine.warm_up(8)
    assert engine._on_device._fixed.sizes == [1, 2, 4]
    before = HALVINGS.count
    usual = TorchEngine(nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()), CONFIG, CPU, torch.float32)
    torch.testing.assert_close(engine(pixels[:7]), usual(pixels[:7]), rtol=1e-4, atol=1e-5)
    assert HALVINGS.count - before == 1


@needs_cuda
def test_cuda_graphs_are_replayed_beside_another_thread(model: nn.Module, pixels: Tensor) -> None:
    """As beside a shadow: it allocates memory, copies from page-locked memory and waits, all the time."""
    ended, faults = threading.Event(), []
    engine = TorchEngine(copy.deepcopy(model), CONFIG, CUDA, torch.float16, urgent=True)
    shadow = TorchEngine(copy.deepcopy(model), CONFIG, CUDA, torch.float16, graphs=False)
    engine.warm_up(8)

    def work() -> None:
        try:
            for images in itertools.cycle(range(1, 10)):
                if ended.is_set():
                    return
                shadow(pixels[:images])
        except Exception as error:
            faults.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        for _ in range(20):
            _answers_as(engine, shadow, pixels, 0.05)
    finally:
        ended.set()
        thread.join()
    assert not faults


@needs_cuda
def test_cuda_pixels_that_lie_on_the_device_are_waited_for(model: nn.Module, pixels: Tensor) -> None:
    engine = TorchEngine(copy.deepcopy(model), CONFIG, CUDA, torch.float32, urgent=True)
    engine.warm_up(8)
    expected = engine(pixels[:8])
    for _ in range(10):
        torch.cuda._sleep(10_000_000)  # the usual stream is busy when they are copied there
        on_device = pixels[:8].pin_memory().to(CUDA, non_blocking=True)
        torch.testing.assert_close(engine(on_device), expected, rtol=1e-4, atol=1e-4)
