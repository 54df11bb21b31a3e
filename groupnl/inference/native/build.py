"""Compiles and loads the native kernels, `groupnl::sparse_layer` and `groupnl::finish_layer`.

Arguments of the first: x bfloat16 (B, n, H, W), channels-last; weight bfloat16 (kernel * kernel, n); scale and shift of
the seeds, float32 (s,), s = n / 2; polynomials float32 (degree + 1, s), the lowest power first, which give the
generated maps from the normalised seeds; kernel, stride, padding, dilation; activation. Result: bfloat16
(B, n, H', W'), channels-last.

Those of the second, which follows the seed convolution of any layer: x, the seeds before they are normalised, bfloat16
(B, s, H, W); scale and shift as above; polynomials float32 (degree + 1, g); sources int32 (g,), the seed that each
generated map is made of; activation. Result: bfloat16 (B, s + g, H, W), channels-last.
"""

import logging
import platform
import shutil
import subprocess
from pathlib import Path

import torch
from torch import Tensor

from groupnl.errors import RewriteError

SOURCES = tuple(Path(__file__).with_name(name) for name in ("sparse_layer.cpp", "finish_layer.cpp"))
LIBRARY_FILE = "groupnl_kernel.so"
_COMPILERS = ("g++", "clang++", "c++")
_FLAGS = (
    *("-std=c++20", "-O3", "-fPIC", "-shared", "-fvisibility=hidden"),
    # Not the machine's own: the library is to run on every CPU that `is_supported` accepts.
    *("-march=x86-64-v4", "-mavx512bf16", "-mprfchw"),
    "-DTORCH_TARGET_VERSION=0x020b000000000000",  # of torch's stable interface: 2.11
)
_loaded: set[Path] = set()

# Compiling and loading import it; it warns of CUDA that has no driver, whatever the device is.
logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)


def is_supported() -> bool:
    """Whether this machine has the instructions that the kernel is written in."""
    on_linux = platform.system() == "Linux" and platform.machine() == "x86_64"
    return on_linux and bool(torch.cpu.get_capabilities().get("avx512_bf16"))


def supports(kernel: int, stride: int, dilation: int, in_channels: int) -> bool:
    """Whether the kernel computes a layer of this geometry."""
    return kernel in (3, 5) and stride in (1, 2) and dilation == 1 and in_channels % 2 == 0


def build(folder: Path) -> Path:
    """Compile the kernels; takes some seconds.

    Args:
        folder: exists; the library is written there.

    Raises:
        RewriteError: there is no C++ compiler, or it fails.
    """
    compiler = next(filter(None, map(shutil.which, _COMPILERS)), None)
    if compiler is None:
        raise RewriteError(
            f"no C++ compiler ({', '.join(_COMPILERS)}) is installed, which compiles the native kernels: install one, "
            "or choose another engine"
        )
    library = folder / LIBRARY_FILE
    home = Path(torch.__file__).parent
    paths = (f"-I{home / 'include'}", f"-L{home / 'lib'}")
    # Linked by name alone: whoever loads the library has loaded torch.
    command = [compiler, *_FLAGS, *paths, *map(str, SOURCES), "-ltorch_cpu", "-o", str(library)]
    done = subprocess.run(command, capture_output=True, text=True)  # noqa: S603 (no shell, nothing from outside)
    if done.returncode:
        raise RewriteError(f"{compiler} cannot compile the native kernels: {done.stderr[-2000:]}")
    return library


def load(library: Path) -> None:
    """Make the kernels known to torch; a process loads it once, whichever copy comes first."""
    if _loaded:
        return
    torch.ops.load_library(str(library))  # type: ignore[no-untyped-call]
    torch.library.register_fake("groupnl::sparse_layer", _sparse_shape)
    torch.library.register_fake("groupnl::finish_layer", _finish_shape)
    _loaded.add(library)


def _sparse_shape(
    x: Tensor,
    weight: Tensor,
    scale: Tensor,
    shift: Tensor,
    polynomials: Tensor,
    kernel: int,
    stride: int,
    padding: int,
    dilation: int,
    activation: str,
) -> Tensor:
    """What the result looks like, for compilers."""
    height, width = ((side + 2 * padding - kernel) // stride + 1 for side in x.shape[2:])
    shape = (x.shape[0], x.shape[1], height, width)
    return torch.empty(shape, dtype=x.dtype, device=x.device, memory_format=torch.channels_last)


def _finish_shape(
    x: Tensor, scale: Tensor, shift: Tensor, polynomials: Tensor, sources: Tensor, activation: str
) -> Tensor:
    """What the result looks like, for compilers."""
    batch, seeds, height, width = x.shape
    shape = (batch, seeds + polynomials.shape[1], height, width)
    return torch.empty(shape, dtype=x.dtype, device=x.device, memory_format=torch.channels_last)
