"""What the native kernels' tests compare with, and a way to compile the kernels once."""

import shutil
from collections.abc import Callable
from pathlib import Path

import torch.nn.functional as F
from support.once import once
from torch import Tensor

from groupnl.inference.native.build import Variant, build

# As the kernels name them.
ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "none": lambda x: x,
    "relu": F.relu,
    "relu6": F.relu6,
    "hardswish": F.hardswish,
    "silu": F.silu,
}


def built_once(place: Path) -> Callable[[Path, Variant], Path]:
    """`build` that compiles each variant once; see `once`."""

    def copied(folder: Path, variant: Variant) -> Path:
        made = once(place, variant.namespace, lambda work: build(work, variant))
        return Path(shutil.copy(made / variant.library_file, folder))

    return copied
