"""Post-training int8: makes as many layers of an ONNX file int8 as the logits bear.

Weights get a step for each output channel, inputs one step for all, by the smallest and largest value that calibration
images show. What follows a layer stays float32: the sines of GroupNL layers, and the convolutions before them wherever
these would say so. Which layers those are is measured: each is made int8 alone, and the error that the logits have then
is set against the multiplications that it saves. Errors of layers add up like those of independent sources, so the
squares of the chosen ones fill a budget. The largest budget is taken with which the calibration images are expected to
keep their first classes.
"""

import math
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
import onnxruntime  # type: ignore[import-untyped]
from numpy.typing import NDArray
from torch import Tensor

from groupnl.errors import RewriteError
from groupnl.inference.engines.graph_file import INPUT, OUTPUT
from groupnl.inference.engines.int8_layers import Floats, Layer, Range, layers_of, with_int8, with_outputs
from groupnl.inference.engines.quantised import Quantised, WeightBits

# Of the logits' deviation from their mean. bfloat16 makes 0.01 of it, about.
BUDGETS = (0.02, 0.016, 0.0125, 0.01, 0.008, 0.006, 0.005)
LEAST_SAME = 0.993  # expected, of the calibration images: as in bfloat16; of others 0.99 is wanted
_LEAST_SHARE = 0.1  # of the multiplications; less makes nothing faster
_TRIED_WITH = 32  # images for each layer alone: an error is a mean over their logits
_BATCH = 8


class _Candidate(NamedTuple):
    """A layer, what it costs in float32, and the logits' error when it alone is int8."""

    layer: Layer
    products: int
    error: float


def quantise(file: Path, images: Tensor, *, weight_bits: WeightBits, threads: int = 1) -> Quantised:
    """Make layers of an ONNX file int8; the file is replaced.

    Takes a forward pass of 32 images for each layer, and about ten of all.

    Args:
        file: that `export_onnx` wrote.
        images: to calibrate with, uint8 (N, 3, S, S): like those that will come, and not those of a proof.
        weight_bits: 8 where the CPU adds products in 32 bits, see `cpu_has_int8_sums`.
        threads: of the CPU.

    Raises:
        RewriteError: it has no layer that could be int8, or hardly one that the logits bear.
    """
    network = _Network(onnx.load(file), images.contiguous().numpy(), weight_bits, threads)
    candidates = network.candidates()
    every = sum(candidate.products for candidate in candidates) + network.other_products
    for budget in BUDGETS:
        chosen = _within(candidates, budget)
        share = sum(candidate.products for candidate in chosen) / max(every, 1)
        if share < _LEAST_SHARE:
            break
        model = network.int8([candidate.layer for candidate in chosen])
        logits = network.logits(model, network.images)
        same = expected_same(logits, network.expected)
        if same >= LEAST_SAME:
            onnx.save(model, file)
            return Quantised(
                weight_bits=weight_bits,
                layers=len(chosen),
                of_layers=network.layer_count,
                share=share,
                images=len(images),
                error=_error(logits, network.expected),
                same=same,
            )
    raise RewriteError(
        f"with int8 in {_LEAST_SHARE:.0%} of its multiplications the network would name another class first for more "
        f"than {1 - LEAST_SAME:.1%} of the images, going by {len(images)} for calibration: use another precision"
    )


class _Network:
    """An ONNX network with its calibration images.

    Attributes:
        images: uint8 (N, 3, S, S).
        expected: logits of the images in float32.
        layer_count: how many layers multiply by weights.
        other_products: multiplications for an image in layers that are no candidates.
    """

    def __init__(self, model: onnx.ModelProto, images: NDArray[np.uint8], bits: WeightBits, threads: int) -> None:
        self.images = images
        self._model, self._bits, self._threads = model, bits, threads
        layers = layers_of(model)
        self.layer_count = len(layers)
        self._ranges: dict[str, Range] = {}
        self._products: dict[str, int] = {}
        self._observe(layers)
        self._dense = [layer for layer in layers if layer.is_dense]
        self.other_products = sum(self._products[layer.name] for layer in layers if not layer.is_dense)
        self.expected = self.logits(model, images)

    def candidates(self) -> list[_Candidate]:
        """Each dense layer, those first that save the most for an error."""
        images, expected = self.images[:_TRIED_WITH], self.expected[:_TRIED_WITH]
        found = [
            _Candidate(layer, self._products[layer.name], _error(self.logits(self.int8([layer]), images), expected))
            for layer in self._dense
        ]
        return sorted(found, key=lambda candidate: candidate.error**2 / candidate.products)

    def int8(self, layers: Collection[Layer]) -> onnx.ModelProto:
        """The network with these layers in int8."""
        return with_int8(self._model, layers, self._ranges, self._bits)

    def logits(self, model: onnx.ModelProto, images: NDArray[np.uint8]) -> Floats:
        """Of all images."""
        return np.concatenate([values for (values,) in self._run(model, [OUTPUT], images)])

    def _observe(self, layers: list[Layer]) -> None:
        """Find the ranges of all inputs, and how often each layer's weights are used for an image."""
        inputs = sorted({layer.input for layer in layers})
        model, names = with_outputs(self._model, inputs, [layer.output for layer in layers])
        for lows_highs_shapes in self._run(model, names, self.images):
            lows, highs, shapes = np.split(np.array(lows_highs_shapes, dtype=object), [len(inputs), 2 * len(inputs)])
            for name, low, high in zip(inputs, lows, highs, strict=True):
                self._ranges[name] = self._ranges.get(name, Range(0.0, 0.0)).wider(float(low), float(high))
            for layer, shape in zip(layers, shapes, strict=True):
                self._products[layer.name] = layer.weights * int(np.prod(shape[2:]))

    def _run(self, model: onnx.ModelProto, names: list[str], images: NDArray[np.uint8]) -> Iterator[list[Floats]]:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.log_severity_level = self._threads, 3
        session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        for start in range(0, len(images), _BATCH):
            yield session.run(names, {INPUT: images[start : start + _BATCH]})


def expected_same(logits: Floats, expected: Floats) -> float:
    """For which share of images like these the first class is the same, were errors normal and of one size.

    Counting those that changed would need thousands of images: a few in a hundred are near enough to another class.

    Args:
        logits: float32 (N, classes).
        expected: without errors.
    """
    if expected.shape[1] < 2:
        return 1.0
    second, first = np.argsort(expected, 1)[:, -2:].T
    rows = np.arange(len(expected))
    margins = expected[rows, first] - expected[rows, second]
    errors = logits - expected
    spread = max(float(np.sqrt(np.mean((errors[rows, first] - errors[rows, second]) ** 2))), 1e-12)
    return 1 - float(np.mean([math.erfc(margin / spread / math.sqrt(2)) / 2 for margin in margins]))


def _within(candidates: list[_Candidate], budget: float) -> list[_Candidate]:
    """Of the candidates, in their order, those whose errors stay within a budget together."""
    chosen, used = [], 0.0
    for candidate in candidates:
        if used + candidate.error**2 <= budget**2:
            used += candidate.error**2
            chosen.append(candidate)
    return chosen


def _error(logits: Floats, expected: Floats) -> float:
    """The logits' error, a part of their deviation from the mean of each image's: what all classes share is nothing."""
    difference, deviation = (values - values.mean(1, keepdims=True) for values in (logits - expected, expected))
    return float(np.linalg.norm(difference) / max(float(np.linalg.norm(deviation)), 1e-12))
