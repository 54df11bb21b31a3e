"""The devices and precisions that a network can run on and in, by name; as `engine_names`, without importing torch.

What they mean stands in `groupnl.inference.device`.
"""

from typing import Literal

Device = Literal["auto", "cpu", "cuda"]
FloatName = Literal["float32", "bfloat16", "float16"]
Precision = Literal["auto", FloatName]
PrecisionName = Literal[FloatName, "int8"]
"""Also what a network is given only when it is packed: images say in which steps it is to count."""
ServedPrecision = Literal["auto", PrecisionName]
