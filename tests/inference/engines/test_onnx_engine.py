import sys
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
import torch
from support.networks import with_lively_norms
from torch import Tensor, nn

from groupnl.card import InputConfig
from groupnl.errors import ConfigError, RewriteError
from groupnl.inference.engines.onnx import OnnxEngine
from groupnl.inference.engines.onnx_export import export_onnx
from groupnl.inference.rewrite import to_inference

pytestmark = pytest.mark.slow

CPU = torch.device("cpu")
CONFIG = InputConfig(size=32, mean=(0.5, 0.4, 0.3), std=(0.2, 0.25, 0.3), crop_pct=0.875, interpolation="bilinear")
TINY = "test_gnl_efficientnet"


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("onnx") / "tiny.onnx"
    export_onnx(to_inference(with_lively_norms(TINY)), CONFIG, path)
    return path


@pytest.fixture(scope="module")
def engine(path: Path) -> OnnxEngine:
    return OnnxEngine(path, 32, CPU, 1)


@pytest.fixture(scope="module")
def pixels() -> Tensor:
    return torch.randint(0, 256, (5, 3, 32, 32), dtype=torch.uint8, generator=torch.manual_seed(1))


def test_logits_are_float32_on_the_cpu(engine: OnnxEngine, pixels: Tensor) -> None:
    logits = engine(pixels)
    assert logits.shape == (5, 10)
    assert logits.dtype == torch.float32
    assert logits.device == CPU


def test_an_image_does_not_depend_on_its_batch(engine: OnnxEngine, pixels: Tensor) -> None:
    alone = torch.cat([engine(image) for image in pixels.split(1)])
    torch.testing.assert_close(engine(pixels), alone, rtol=1e-4, atol=1e-5)


def test_any_memory_order_is_taken_and_left_alone(engine: OnnxEngine, pixels: Tensor) -> None:
    channels_last = pixels.to(memory_format=torch.channels_last)
    assert torch.equal(engine(channels_last), engine(pixels))
    assert torch.equal(channels_last, pixels)


def test_the_logits_of_the_last_call_stay_as_they_are(engine: OnnxEngine, pixels: Tensor) -> None:
    first = engine(pixels[:2])
    kept = first.clone()
    engine(pixels[2:4])
    assert torch.equal(first, kept)


def test_warm_up_is_content_with_finite_logits(engine: OnnxEngine) -> None:
    engine.warm_up(3)


def test_warm_up_refuses_logits_that_are_not_finite(tmp_path: Path) -> None:
    network = with_lively_norms(TINY)
    with torch.no_grad():
        network.get_parameter("classifier.bias")[3] = float("inf")
    export_onnx(to_inference(network), CONFIG, tmp_path / "infinite.onnx")
    with pytest.raises(ConfigError, match="not finite in precision of the ONNX file on cpu"):
        OnnxEngine(tmp_path / "infinite.onnx", 32, CPU, 1).warm_up(2)


def test_each_number_of_threads_that_is_warmed_up_has_its_session(path: Path, pixels: Tensor) -> None:
    before = torch.get_num_threads()
    engine = OnnxEngine(path, 32, CPU, 2)
    try:
        torch.set_num_threads(1)
        expected = engine(pixels)
        assert engine._session().get_session_options().intra_op_num_threads == 2  # there is no other one yet
        engine.warm_up(2)
        torch.testing.assert_close(engine(pixels), expected)
        found = []
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            found.append(engine._session().get_session_options().intra_op_num_threads)
        assert found == [1, 2, 2]
    finally:
        torch.set_num_threads(before)


def test_threads_do_not_wait_awake(engine: OnnxEngine) -> None:
    options = engine._session().get_session_options()
    assert options.intra_op_num_threads == 1
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"


def test_another_size_is_refused(path: Path) -> None:
    with pytest.raises(RewriteError, match=r"tiny.onnx takes .*32, 32.* gives .*64, 64"):
        OnnxEngine(path, 64, CPU, 1)


def _truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:1000])


def _of_another_network(path: Path) -> None:
    value = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1, 3, 32, 32])
    result = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1, 3, 32, 32])
    graph = onnx.helper.make_graph([onnx.helper.make_node("Relu", ["x"], ["y"])], "relu", [value], [result])
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 20)], ir_version=10), path)


@pytest.mark.parametrize("damage", [_truncated, _of_another_network, Path.unlink])
def test_a_file_that_is_not_ours_is_refused(damage: Callable[[Path], None], path: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.onnx"
    other.write_bytes(path.read_bytes())
    damage(other)
    with pytest.raises(RewriteError, match=r"other.onnx"):
        OnnxEngine(other, 32, CPU, 1)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_device_that_is_not_there_is_refused(path: Path, tmp_path: Path) -> None:
    for cache in (None, tmp_path):
        with pytest.raises(ConfigError, match=r"cannot use .*CUDAExecutionProvider here"):
            OnnxEngine(path, 32, torch.device("cuda"), 1, tensorrt_cache=cache)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_cuda_computes_the_same(dtype: torch.dtype, engine: OnnxEngine, pixels: Tensor, tmp_path: Path) -> None:
    path = tmp_path / "cuda.onnx"
    export_onnx(to_inference(with_lively_norms(TINY)), CONFIG, path, dtype=dtype)
    on_cuda = OnnxEngine(path, 32, torch.device("cuda"), 1)
    on_cuda.warm_up(8)
    expected = engine(pixels)
    error = (on_cuda(pixels) - expected).norm() / expected.norm()
    assert error < (1e-5 if dtype == torch.float32 else 0.02)


def test_without_the_package_the_error_says_what_to_install(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ConfigError, match="pip install onnxruntime"):
        OnnxEngine(path, 32, CPU, 1)


def test_the_network_may_be_a_standard_one(tmp_path: Path, pixels: Tensor) -> None:
    network: nn.Module = with_lively_norms("test_efficientnet")
    export_onnx(to_inference(network), CONFIG, tmp_path / "twin.onnx")
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (CONFIG.mean, CONFIG.std))
    with torch.no_grad():
        expected = network((pixels / 255 - mean) / std)
    logits = OnnxEngine(tmp_path / "twin.onnx", 32, CPU, 1)(pixels)
    assert (logits - expected).norm() / expected.norm() < 1e-5
