"""groupnl.inference.engines.quantise: which layers of a network become int8, and what it computes then."""

import math
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import helper, numpy_helper
from torch import Tensor

from groupnl.errors import RewriteError
from groupnl.inference.engines.int8_layers import Range, layers_of, with_int8
from groupnl.inference.engines.openvino import OpenVinoEngine
from groupnl.inference.engines.quantise import expected_same, quantise

SIZE, CLASSES = 8, 4


def network(path: Path, apart: float = 0.5) -> Path:
    """Two convolutions, a depthwise one between them, and a classifier, whose classes lie so far apart."""
    random = np.random.default_rng(0)

    def weights(*shape: int) -> np.ndarray:
        return (random.standard_normal(shape) / math.sqrt(np.prod(shape[1:]))).astype(np.float32)

    values = {
        "first": weights(8, 3, 3, 3) / 64,
        "middle": weights(8, 1, 3, 3),
        "second": weights(16, 8, 3, 3),
        "classifier": np.tile(weights(1, 16), (CLASSES, 1)) + apart * weights(CLASSES, 16),
        "bias": apart * np.arange(CLASSES, dtype=np.float32),
    }
    nodes = [
        helper.make_node("Cast", ["pixels"], ["x0"], to=onnx.TensorProto.FLOAT),
        helper.make_node("Conv", ["x0", "first"], ["x1"], "a", pads=[1] * 4),
        helper.make_node("Conv", ["x1", "middle"], ["x2"], "b", pads=[1] * 4, group=8),
        helper.make_node("Conv", ["x2", "second"], ["x3"], "c", pads=[1] * 4),
        helper.make_node("GlobalAveragePool", ["x3"], ["x4"]),
        helper.make_node("Flatten", ["x4"], ["x5"]),
        helper.make_node("Gemm", ["x5", "classifier", "bias"], ["logits"], "d", transB=1),
    ]
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("pixels", onnx.TensorProto.UINT8, ["batch", 3, SIZE, SIZE])],
        [helper.make_tensor_value_info("logits", onnx.TensorProto.FLOAT, ["batch", CLASSES])],
        [numpy_helper.from_array(value, name) for name, value in values.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10), path)
    return path


@pytest.fixture(scope="module")
def images() -> Tensor:
    return torch.randint(0, 256, (64, 3, SIZE, SIZE), dtype=torch.uint8, generator=torch.manual_seed(2))


def run(file: Path, images: Tensor) -> Tensor:
    return OpenVinoEngine(file, SIZE, torch.int8, 1)(images)


def int8_nodes(file: Path) -> list[str]:
    return [node.name for node in onnx.load(file).graph.node if node.input and node.input[0].endswith("/int8")]


def test_layers_are_told_with_their_weights_and_kinds(tmp_path: Path) -> None:
    layers = layers_of(onnx.load(network(tmp_path / "n.onnx")))
    assert [(layer.name, layer.weights, layer.channel_axis, layer.is_dense) for layer in layers] == [
        ("a", 216, 0, True),
        ("b", 72, 0, False),
        ("c", 1152, 0, True),
        ("d", 64, 0, True),
    ]


@pytest.mark.parametrize("bits", [7, 8])
def test_all_dense_layers_that_the_logits_bear_are_int8(bits: int, tmp_path: Path, images: Tensor) -> None:
    file = network(tmp_path / "n.onnx")
    expected = run(file, images)
    found = quantise(file, images, weight_bits=bits)  # type: ignore[arg-type]
    assert (found.weight_bits, found.of_layers, found.images) == (bits, 4, 64)
    assert len(int8_nodes(file)) == found.layers >= 1
    assert "b" not in int8_nodes(file)
    logits = run(file, images)
    deviation = expected - expected.mean(1, keepdim=True)
    error = float(((logits - expected) - (logits - expected).mean(1, keepdim=True)).norm() / deviation.norm())
    assert 0 < error < 0.04
    assert found.share > 0.1
    integers = [
        numpy_helper.to_array(value) for value in onnx.load(file).graph.initializer if "/integers" in value.name
    ]
    assert max(int(np.abs(value.astype(int)).max()) for value in integers) == 2 ** (bits - 1) - 1


def test_a_network_that_bears_no_int8_is_refused_and_its_file_is_left(tmp_path: Path, images: Tensor) -> None:
    file = network(tmp_path / "n.onnx", apart=1e-6)
    before = file.read_bytes()
    with pytest.raises(RewriteError, match=r"would name another class first for more than 0\.7% of the images"):
        quantise(file, images, weight_bits=8)
    assert file.read_bytes() == before


def test_two_layers_that_read_the_same_round_it_once(tmp_path: Path) -> None:
    model = onnx.load(network(tmp_path / "n.onnx"))
    other = onnx.NodeProto()
    other.CopyFrom(next(node for node in model.graph.node if node.name == "a"))
    other.name, other.output[0] = "again", "unused"
    model.graph.node.append(other)
    layers = [layer for layer in layers_of(model) if layer.input == "x0"]
    result = with_int8(model, layers, {"x0": Range(0.0, 255.0)}, 8)
    assert [node.op_type for node in result.graph.node].count("QuantizeLinear") == 1
    onnx.checker.check_model(result)


def test_a_range_always_holds_nothing() -> None:
    assert Range(0.0, 0.0).wider(2.0, 3.0) == (0.0, 3.0)
    step, zero = Range(-1.0, 1.55).step()
    assert (float(step), int(zero)) == (pytest.approx(0.01), 100)
    assert Range(0.0, 0.0).step()[0] > 0


def test_the_share_that_is_expected_is_that_of_normal_errors() -> None:
    random = np.random.default_rng(3)
    expected = np.zeros((20000, 2), np.float32)
    expected[:, 0] = random.exponential(1.0, 20000)
    logits = expected + random.normal(0, 0.1, expected.shape).astype(np.float32)
    counted = float((logits.argmax(1) == expected.argmax(1)).mean())
    assert expected_same(logits, expected) == pytest.approx(counted, abs=0.004)
    assert expected_same(expected, expected) == 1.0
    assert expected_same(expected[:, :1], expected[:, :1]) == 1.0
