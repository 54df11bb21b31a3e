"""What the native kernels' tests compare with, and a way to compile the kernels once."""

import fcntl
import shutil
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import torch.nn.functional as F
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
    """`build` that compiles each variant once for all processes of a test run; compiling takes as long as many tests.

    Args:
        place: folder that they share.
    """

    def copied(folder: Path, variant: Variant) -> Path:
        place.mkdir(exist_ok=True)
        library = place / variant.library_file
        with (place / variant.namespace).open("w") as lock:
            fcntl.lockf(lock, fcntl.LOCK_EX)
            if not library.exists():
                with TemporaryDirectory(dir=place) as work:
                    build(Path(work), variant).rename(library)
        return Path(shutil.copy(library, folder))

    return copied
