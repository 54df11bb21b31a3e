"""What the native kernels' tests compare with."""

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor

# As the kernels name them.
ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "none": lambda x: x,
    "relu": F.relu,
    "relu6": F.relu6,
    "hardswish": F.hardswish,
    "silu": F.silu,
}
