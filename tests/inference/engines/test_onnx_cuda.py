"""groupnl.inference.engines.onnx_cuda: what can be tried of it on a CPU, and the rest where a GPU is."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from support.networks import with_lively_norms
from torch import Tensor

from groupnl.card import InputConfig
from groupnl.errors import EngineStartError, RewriteError
from groupnl.inference.engines import onnx_cuda
from groupnl.inference.engines.engine import HALVINGS
from groupnl.inference.engines.fixed_sizes import FAILURES
from groupnl.inference.engines.onnx import OnnxEngine
from groupnl.inference.engines.onnx_cuda import Attempt, BoundRuns, attempts, first_that_opens
from groupnl.inference.engines.onnx_export import export_onnx
from groupnl.inference.engines.onnx_session import open_session
from groupnl.inference.rewrite import to_inference

pytestmark = pytest.mark.slow

CPU, CUDA = torch.device("cpu"), torch.device("cuda", 1)
CONFIG = InputConfig(size=32, mean=(0.5, 0.4, 0.3), std=(0.2, 0.25, 0.3), crop_pct=0.875, interpolation="bilinear")
needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("onnx") / "tiny.onnx"
    export_onnx(to_inference(with_lively_norms("test_gnl_efficientnet")), CONFIG, path)
    return path


@pytest.fixture(scope="module")
def pixels() -> Tensor:
    pixels = torch.randint(0, 256, (9, 3, 32, 32), dtype=torch.uint8, generator=torch.manual_seed(1))
    return pixels.contiguous(memory_format=torch.channels_last)


def _bound(path: Path, *, graphs: bool) -> BoundRuns:
    """On a CPU, where ONNX Runtime takes no notice of what a run is to be recorded as."""
    return BoundRuns(open_session(path, [], 1, 32), 32, CPU, None, graphs=graphs)


@pytest.mark.parametrize("graphs", [False, True])
def test_bound_runs_answer_as_others_do(graphs: bool, path: Path, pixels: Tensor) -> None:
    usual, bound = OnnxEngine(path, 32, CPU, 1), _bound(path, graphs=graphs)
    bound.add_up_to(8)
    assert bound._fixed.sizes == [1, 2, 4, 8]
    for images in (8, 3, 1, 9, 5):
        torch.testing.assert_close(bound(pixels[:images]), usual(pixels[:images]), rtol=1e-4, atol=1e-5)


def test_what_is_bound_is_used_and_leaves_earlier_answers_alone(
    path: Path, pixels: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    bound = _bound(path, graphs=True)
    bound.add_up_to(2)
    monkeypatch.setattr(bound, "_usual", lambda pixels: pytest.fail("not bound"))
    first = bound(pixels[:2])
    kept = first.clone()
    bound(pixels[2:4])
    assert torch.equal(first, kept)


def test_another_thread_than_the_one_that_recorded_does_not_record_again(
    path: Path, pixels: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    bound = _bound(path, graphs=True)
    bound.add_up_to(4)
    monkeypatch.setattr(bound._fixed, "find", lambda images: pytest.fail("recorded on another thread"))
    found: list[Tensor] = []
    thread = threading.Thread(target=lambda: found.append(bound(pixels[:3])))
    thread.start()
    thread.join()
    assert found[0].shape == (3, 10)


def test_each_size_is_a_graph_of_its_own_after_runs_without(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bound = _bound(path, graphs=True)
    ran: list[str] = []

    class Session:
        def __getattr__(self, name: str) -> Any:
            return getattr(session, name)

        def run_with_iobinding(self, binding: Any, options: Any) -> None:
            ran.append(options.get_run_config_entry("gpu_graph_id"))
            session.run_with_iobinding(binding, options)

    session = bound._session
    monkeypatch.setattr(bound, "_session", Session())
    bound.add_up_to(2)
    assert ran == ["-1", "-1", "2", "2", "2", "2", "-1", "-1", "1", "1", "1", "1"]


def test_the_attempts_on_cuda_the_best_first(tmp_path: Path) -> None:
    def options(attempt: Attempt) -> dict[str, Any]:
        return dict(attempt.providers)["CUDAExecutionProvider"]

    tensorrt, graphs, usual = attempts(CUDA, 32, 1234, tmp_path, graphs=True)
    assert [way.graphs for way in (tensorrt, graphs, usual)] == [False, True, False]
    assert [options(way)["enable_cuda_graph"] for way in (tensorrt, graphs, usual)] == [0, 1, 0]
    for _, found in (*tensorrt.providers, *graphs.providers, *usual.providers):
        assert (found["device_id"], found["user_compute_stream"]) == (1, "1234")
    compiled = dict(tensorrt.providers)["TensorrtExecutionProvider"]
    assert compiled["trt_profile_min_shapes"] == "pixels:1x3x32x32"
    assert compiled["trt_profile_max_shapes"] == f"pixels:{tensorrt.max_batch}x3x32x32"
    assert compiled["trt_engine_cache_path"] == compiled["trt_timing_cache_path"] == str(tmp_path)
    assert [way.what for way in attempts(CUDA, 32, None, None, graphs=False)] == ["without CUDA graphs"]


@pytest.mark.parametrize("error", [EngineStartError("no library"), RewriteError("a node is on the CPU")])
def test_the_next_attempt_is_made_where_one_fails_and_that_is_told(
    error: Exception, path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def open_it(path: Path, providers: list[Any], threads: int, side: int) -> str:
        if dict(providers)["CUDAExecutionProvider"]["enable_cuda_graph"]:
            raise error
        return "session"

    monkeypatch.setattr(onnx_cuda, "open_session", open_it)
    before = FAILURES.count
    session, way = first_that_opens(path, 32, attempts(CUDA, 32, None, None, graphs=True))
    assert (session, way.graphs, FAILURES.count - before) == ("session", False, 1)
    assert caplog.messages == [f"groupnl: ONNX Runtime does not run with CUDA graphs here: {error}"]


def test_a_batch_that_does_not_fit_is_halved(path: Path, pixels: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = open_session(path, [], 1, 32)

    class Small:
        """A session with memory for four images, which says so as ONNX Runtime does."""

        def run(self, outputs: list[str], inputs: dict[str, Any], options: Any) -> Any:
            if len(inputs["pixels"]) > 4:
                raise RuntimeError("[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : Failed to allocate memory for ...")
            return usual.run(outputs, inputs)

    monkeypatch.setattr(onnx_cuda, "first_that_opens", lambda path, side, ways: (Small(), ways[-1]))
    monkeypatch.setattr(onnx_cuda, "_stream", lambda device, urgent: None)
    engine, before = OnnxEngine(path, 32, CUDA, 1), HALVINGS.count
    logits = engine(pixels)
    assert HALVINGS.count - before == 2
    torch.testing.assert_close(logits, OnnxEngine(path, 32, CPU, 1)(pixels), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("CUDA failure 2: out of memory ; GPU=0", torch.OutOfMemoryError),
        ("CUDNN_STATUS_ALLOC_FAILED", torch.OutOfMemoryError),
        ("CUDA failure 700: an illegal memory access was encountered", RuntimeError),
    ],
)
def test_a_lack_of_memory_is_known_by_its_words(text: str, kind: type[Exception]) -> None:
    def fail() -> None:
        with onnx_cuda._telling_memory():
            raise RuntimeError(text)

    with pytest.raises(RuntimeError) as raised:
        fail()
    assert raised.type is kind


@needs_cuda
@pytest.mark.parametrize("urgent", [False, True])
@pytest.mark.parametrize("graphs", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_cuda_onnx_runs_that_are_bound_answer_the_same(
    dtype: torch.dtype, graphs: bool, urgent: bool, path: Path, pixels: Tensor, tmp_path: Path
) -> None:
    file = tmp_path / "cuda.onnx"
    export_onnx(to_inference(with_lively_norms("test_gnl_efficientnet")), CONFIG, file, dtype=dtype)
    before = FAILURES.count
    engine = OnnxEngine(file, 32, torch.device("cuda", 0), 1, urgent=urgent, graphs=graphs)
    engine.warm_up(8)
    assert FAILURES.count == before
    expected: Callable[[Tensor], Tensor] = OnnxEngine(path, 32, CPU, 1)
    for images in (8, 3, 1, 9, 5):
        logits = expected(pixels[:images])
        error = (engine(pixels[:images]) - logits).norm() / logits.norm()
        assert error < (1e-5 if dtype == torch.float32 else 0.02)
