import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch
from support.networks import with_lively_norms
from torch import Tensor

from groupnl.card import InputConfig
from groupnl.errors import ConfigError, RewriteError
from groupnl.inference.device import cpu_has_bfloat16
from groupnl.inference.engines.onnx import OnnxEngine
from groupnl.inference.engines.onnx_export import export_onnx
from groupnl.inference.engines.openvino import OpenVinoEngine, _Compiled
from groupnl.inference.rewrite import to_inference

pytestmark = pytest.mark.slow

CONFIG = InputConfig(size=32, mean=(0.5, 0.4, 0.3), std=(0.2, 0.25, 0.3), crop_pct=0.875, interpolation="bilinear")
TINY = "test_gnl_efficientnet"


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("openvino") / "tiny.onnx"
    export_onnx(to_inference(with_lively_norms(TINY)), CONFIG, path, sine="polynomial")
    return path


@pytest.fixture(scope="module")
def engine(path: Path) -> OpenVinoEngine:
    return OpenVinoEngine(path, 32, torch.float32, 1)


@pytest.fixture(scope="module")
def pixels() -> Tensor:
    return torch.randint(0, 256, (23, 3, 32, 32), dtype=torch.uint8, generator=torch.manual_seed(1))


@pytest.fixture(scope="module")
def expected(path: Path, pixels: Tensor) -> Tensor:
    return OnnxEngine(path, 32, torch.device("cpu"), 1)(pixels)


def test_what_openvino_cannot_compile_is_an_error_that_says_what_can(path: Path) -> None:
    engine = OpenVinoEngine(path, 32, torch.float32, 1)
    engine._options = {"INFERENCE_PRECISION_HINT": "none"}
    with pytest.raises(RewriteError, match="OpenVINO cannot compile the network; --engine eager runs any network"):
        engine.warm_up(1)


@pytest.mark.parametrize("batch", [1, 2, 3, 7, 8, 23])
def test_any_batch_gives_each_image_its_logits(
    batch: int, engine: OpenVinoEngine, pixels: Tensor, expected: Tensor
) -> None:
    logits = engine(pixels[:batch])
    assert logits.dtype == torch.float32
    torch.testing.assert_close(logits, expected[:batch], rtol=1e-4, atol=1e-5)


@pytest.mark.skipif(not cpu_has_bfloat16(), reason="this CPU has no bfloat16")
def test_bfloat16_is_close_and_not_the_same(path: Path, pixels: Tensor, expected: Tensor) -> None:
    logits = OpenVinoEngine(path, 32, torch.bfloat16, 1)(pixels)
    assert logits.dtype == torch.float32
    assert 1e-4 < (logits - expected).norm() / expected.norm() < 0.05


def test_what_lies_between_convolutions_is_fused(path: Path) -> None:
    engine = OpenVinoEngine(path, 32, torch.float32, 1)
    engine.warm_up(1)
    nodes = engine._requests[_Compiled(1, 1)].get_compiled_model().get_runtime_model().get_ordered_ops()
    kinds = [node.get_rt_info()["layerType"].astype(str) for node in nodes]
    assert kinds.count("Subgraph") > 0
    assert not {"Math", "Multiply", "MulAdd", "Add", "PowerStatic", "Eltwise"} & set(kinds)


def test_warm_up_compiles_what_a_batch_needs(path: Path) -> None:
    engine = OpenVinoEngine(path, 32, torch.float32, 1)
    engine.warm_up(6)
    assert set(engine._requests) == {(1, 1), (2, 1), (4, 1)}


@pytest.mark.parametrize(
    ("largest", "compiled"),
    [(8, {(8, 1), (4, 2), (2, 2), (1, 2)}), (2, {(2, 1), (1, 2)}), (1, {(1, 1), (1, 2)})],
)
def test_workers_side_by_side_run_the_largest_batch_with_their_share_and_others_with_all(
    path: Path, pixels: Tensor, expected: Tensor, largest: int, compiled: set[tuple[int, int]]
) -> None:
    engine, before = OpenVinoEngine(path, 32, torch.float32, 2), torch.get_num_threads()
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            engine.warm_up(largest)
        for threads in (1, 2):
            torch.set_num_threads(threads)
            for batch in (1, largest):
                torch.testing.assert_close(engine(pixels[:batch]), expected[:batch], rtol=1e-4, atol=1e-5)
    finally:
        torch.set_num_threads(before)
    assert set(engine._requests) == compiled


def test_threads_are_as_many_as_asked_for_and_bound_to_no_core(engine: OpenVinoEngine, pixels: Tensor) -> None:
    engine(pixels[:1])
    compiled = engine._requests[_Compiled(1, 1)].get_compiled_model()
    assert compiled.get_property("INFERENCE_NUM_THREADS") == 1
    assert compiled.get_property("ENABLE_CPU_PINNING") is False


def test_any_memory_order_is_taken_and_left_alone(engine: OpenVinoEngine, pixels: Tensor) -> None:
    channels_last = pixels.to(memory_format=torch.channels_last)
    assert torch.equal(engine(channels_last), engine(pixels))
    assert torch.equal(channels_last, pixels)


def test_the_logits_of_the_last_call_stay_as_they_are(engine: OpenVinoEngine, pixels: Tensor) -> None:
    first = engine(pixels[:1])
    kept = first.clone()
    engine(pixels[1:2])
    assert torch.equal(first, kept)


def test_threads_may_share_an_engine(engine: OpenVinoEngine, pixels: Tensor, expected: Tensor) -> None:
    answers: dict[int, Tensor] = {}

    def ask(index: int) -> None:
        for _ in range(20):
            answers[index] = engine(pixels[index : index + 1])

    threads = [threading.Thread(target=ask, args=(index,)) for index in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    together = torch.cat([answers[index] for index in range(6)])
    torch.testing.assert_close(together, expected[:6], rtol=1e-4, atol=1e-5)


def test_warm_up_refuses_logits_that_are_not_finite(tmp_path: Path) -> None:
    network = with_lively_norms(TINY)
    with torch.no_grad():
        network.get_parameter("classifier.bias")[3] = float("nan")
    export_onnx(to_inference(network), CONFIG, tmp_path / "nan.onnx", sine="polynomial")
    with pytest.raises(ConfigError, match=r"not finite in precision torch.float32 in OpenVINO"):
        OpenVinoEngine(tmp_path / "nan.onnx", 32, torch.float32, 1).warm_up(2)


def test_another_size_is_refused(path: Path) -> None:
    with pytest.raises(RewriteError, match=r"tiny.onnx takes .*32,32.* gives .*64,64"):
        OpenVinoEngine(path, 64, torch.float32, 1)


def test_a_damaged_file_is_refused(path: Path, tmp_path: Path) -> None:
    for content in (path.read_bytes()[:1000], b"", b"not a network"):
        damaged = tmp_path / "damaged.onnx"
        damaged.write_bytes(content)
        with pytest.raises(RewriteError, match=r"cannot load damaged.onnx"):
            OpenVinoEngine(damaged, 32, torch.float32, 1)
    with pytest.raises(RewriteError, match=r"cannot load missing.onnx"):
        OpenVinoEngine(tmp_path / "missing.onnx", 32, torch.float32, 1)


def test_float16_is_refused(path: Path) -> None:
    with pytest.raises(ConfigError, match=r"torch.float16 is not one of OpenVINO's"):
        OpenVinoEngine(path, 32, torch.float16, 1)


def test_without_the_package_the_error_says_what_to_install(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(ConfigError, match=r"openvino is not installed: .*'\.\[openvino\]'"):
        OpenVinoEngine(path, 32, torch.float32, 1)


def test_its_makers_are_told_nothing(path: Path, tmp_path: Path) -> None:
    program = (
        "import sys, torch; from pathlib import Path; from groupnl.inference.engines.openvino import OpenVinoEngine; "
        f"OpenVinoEngine(Path({str(path)!r}), 32, torch.float32, 1); print(sys.modules['openvino_telemetry'])"
    )
    # The message is counted in the home directory, whether it arrives or not.
    command, home = [sys.executable, "-c", program], {**os.environ, "HOME": str(tmp_path)}
    assert subprocess.run(command, env=home, capture_output=True, text=True, check=True).stdout == "None\n"
    assert list(tmp_path.iterdir()) == []
