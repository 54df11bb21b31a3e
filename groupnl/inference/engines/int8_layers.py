"""Layers of an ONNX network, and the same network with some of them in int8.

A layer is int8 where its input comes through a QuantizeLinear and a DequantizeLinear, and its weights through the
latter: runtimes that know this form multiply the integers.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from groupnl.inference.engines.quantised import WeightBits

Floats = NDArray[np.float32]
_STEPS = 255  # of an unsigned input
_SMALLEST = 1e-12  # of a step, where all values are 0


class Range(NamedTuple):
    """The values of a tensor, 0 among them.

    Attributes:
        low: smallest.
        high: largest.
    """

    low: float
    high: float

    def wider(self, low: float, high: float) -> "Range":
        """With these values, too."""
        return Range(min(self.low, low), max(self.high, high))

    def step(self) -> tuple[np.float32, np.uint8]:
        """Step and zero point of an unsigned 8-bit number."""
        step = max((self.high - self.low) / _STEPS, _SMALLEST)
        return np.float32(step), np.uint8(round(-self.low / step))


class Layer(NamedTuple):
    """A convolution or matrix product by constant weights.

    Attributes:
        name: of its node.
        input: of its first operand.
        output: of its result.
        weights: how many it has.
        channel_axis: of the weights, that of the output channels.
        is_dense: every output is of all inputs.
    """

    name: str
    input: str
    output: str
    weights: int
    channel_axis: int
    is_dense: bool


def layers_of(model: onnx.ModelProto) -> list[Layer]:
    """The layers, in the order of the file."""
    shapes = {value.name: tuple(value.dims) for value in model.graph.initializer}
    return [
        Layer(
            name=node.name,
            input=node.input[0],
            output=node.output[0],
            weights=int(np.prod(shapes[node.input[1]])),
            channel_axis=0 if node.op_type == "Conv" or _attribute(node, "transB", 0) else 1,
            is_dense=_attribute(node, "group", 1) == 1,
        )
        for node in model.graph.node
        if node.op_type in ("Conv", "Gemm") and node.input[1] in shapes
    ]


def with_outputs(
    model: onnx.ModelProto, bounded: Iterable[str], shaped: Iterable[str]
) -> tuple[onnx.ModelProto, list[str]]:
    """A copy that gives the smallest and largest value of some tensors, then the shapes of others; and these names."""
    result, names = _copy(model), []

    def add(node: onnx.NodeProto, of_type: int) -> None:
        names.append(node.output[0])
        result.graph.node.append(node)
        result.graph.output.append(helper.make_tensor_value_info(node.output[0], of_type, None))

    for kind in ("ReduceMin", "ReduceMax"):
        for tensor in bounded:
            add(helper.make_node(kind, [tensor], [f"{tensor}/{kind}"], keepdims=0), onnx.TensorProto.FLOAT)
    for tensor in shaped:
        add(helper.make_node("Shape", [tensor], [f"{tensor}/shape"]), onnx.TensorProto.INT64)
    return result, names


def with_int8(
    model: onnx.ModelProto, layers: Collection[Layer], ranges: Mapping[str, Range], bits: WeightBits
) -> onnx.ModelProto:
    """A copy with these layers in int8.

    Args:
        model: in float32; it is left as it is.
        layers: of the model.
        ranges: of their inputs.
        bits: of a weight.
    """
    result, by_name = _copy(model), {layer.name: layer for layer in layers}
    weights = {value.name: value for value in result.graph.initializer}
    constants: list[onnx.TensorProto] = []
    nodes: list[onnx.NodeProto] = []
    rounded: set[str] = set()
    for node in result.graph.node:
        if layer := by_name.get(node.name):
            if layer.input not in rounded:
                rounded.add(layer.input)
                nodes += _rounded_input(layer.input, ranges[layer.input], constants)
            nodes.append(_rounded_weights(layer, numpy_helper.to_array(weights[node.input[1]]), bits, constants))
            node.input[0], node.input[1] = f"{layer.input}/int8", f"{layer.name}/weights"
        nodes.append(node)
    kept = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]  # of no list that is emptied
    used = {name for node in kept for name in node.input}
    constants = [value for value in (*_copies(weights.values()), *constants) if value.name in used]
    del result.graph.node[:], result.graph.initializer[:]
    result.graph.node.extend(kept)
    result.graph.initializer.extend(constants)
    return result


def _rounded_input(tensor: str, values: Range, constants: list[onnx.TensorProto]) -> list[onnx.NodeProto]:
    step, zero = values.step()
    names = [f"{tensor}/step", f"{tensor}/zero"]
    constants += [
        numpy_helper.from_array(np.array(value), name) for value, name in zip((step, zero), names, strict=True)
    ]
    return [
        helper.make_node("QuantizeLinear", [tensor, *names], [f"{tensor}/uint8"], name=f"{tensor}/quantise"),
        helper.make_node("DequantizeLinear", [f"{tensor}/uint8", *names], [f"{tensor}/int8"], name=f"{tensor}/int8"),
    ]


def _rounded_weights(
    layer: Layer, weights: Floats, bits: WeightBits, constants: list[onnx.TensorProto]
) -> onnx.NodeProto:
    """Symmetric, with a step for each output channel."""
    axis, largest = layer.channel_axis, 2 ** (bits - 1) - 1
    others = tuple(index for index in range(weights.ndim) if index != axis)
    steps = np.maximum(np.abs(weights).max(others, keepdims=True) / largest, _SMALLEST).astype(np.float32)
    integers = np.clip(np.rint(weights / steps), -largest, largest).astype(np.int8)
    names = [f"{layer.name}/integers", f"{layer.name}/steps", f"{layer.name}/zeros"]
    values = (integers, steps.reshape(-1), np.zeros(steps.size, np.int8))
    constants += [numpy_helper.from_array(value, name) for value, name in zip(values, names, strict=True)]
    output = f"{layer.name}/weights"
    return helper.make_node("DequantizeLinear", names, [output], name=output, axis=axis)


def _copies(values: Iterable[onnx.TensorProto]) -> Iterator[onnx.TensorProto]:
    for value in values:
        copy = onnx.TensorProto()
        copy.CopyFrom(value)
        yield copy


def _copy(model: onnx.ModelProto) -> onnx.ModelProto:
    result = onnx.ModelProto()
    result.CopyFrom(model)
    return result


def _attribute(node: onnx.NodeProto, name: str, default: int) -> int:
    return next((int(value.i) for value in node.attribute if value.name == name), default)
