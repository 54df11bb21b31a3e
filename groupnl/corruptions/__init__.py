"""The ImageNet-C corruptions, batched: uint8 images in, uint8 images out, on any device."""

from groupnl.corruptions.corrupt import CorruptionSpec, corrupt, corrupt_each
from groupnl.corruptions.names import BENCHMARK, CELLS, NAMES, SEVERITIES, VALIDATION, Cell

__all__ = [
    "BENCHMARK",
    "CELLS",
    "NAMES",
    "SEVERITIES",
    "VALIDATION",
    "Cell",
    "CorruptionSpec",
    "corrupt",
    "corrupt_each",
]
