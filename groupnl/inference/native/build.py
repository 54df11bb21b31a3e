"""Compiles and loads the native kernels, the operators `sparse_layer` and `finish_layer`.

Each `Variant` is a library of both for one set of instructions, with operators in a namespace of its own. They read and
write numbers of the variant's dtype.

Arguments of the first: x (B, n, H, W), channels-last; weight of x's dtype (kernel * kernel, n); scale and shift of the
seeds, float32 (s,), s = n / 2; polynomials float32 (degree + 1, s), the lowest power first, which give the generated
maps from the normalised seeds; kernel, stride, padding, dilation; activation. Result: (B, n, H', W'), channels-last.

Those of the second, which follows the seed convolution of any layer: x, the seeds before they are normalised,
(B, s, H, W); scale and shift as above; polynomials float32 (degree + 1, g); sources int32 (g,), the seed that each
generated map is made of; activation. Result: (B, s + g, H, W), channels-last.
"""

import logging
import platform
import shutil
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from groupnl.errors import RewriteError

SOURCES = tuple(Path(__file__).with_name(name) for name in ("sparse_layer.cpp", "finish_layer.cpp"))
_LIBRARY_END = "_kernel.so"
LIBRARY_FILES = f"groupnl*{_LIBRARY_END}"  # of all variants
_LEVELS = ("AVX2", "AVX512")
_COMPILERS = ("g++", "clang++", "c++")
_FLAGS = (
    *("-std=c++20", "-O3", "-fPIC", "-shared", "-fvisibility=hidden", "-mprfchw"),
    "-DTORCH_TARGET_VERSION=0x020b000000000000",  # of torch's stable interface: 2.11
)
_loaded: set[str] = set()

# Compiling and loading import it; it warns of CUDA that has no driver, whatever the device is.
logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)


class Variant(NamedTuple):
    """The kernels for one set of instructions.

    Attributes:
        namespace: of their operators in torch.
        dtype: of the numbers that they read and write.
        level: of instructions, as torch names it.
        flags: that let the compiler use them; not the machine's own, so that the library runs on every such CPU.
        instruction: that a CPU must have besides, as torch names it.
    """

    namespace: str
    dtype: torch.dtype
    level: str
    flags: tuple[str, ...]
    instruction: str | None = None

    @property
    def library_file(self) -> str:
        """Name of the compiled library."""
        return self.namespace + _LIBRARY_END

    @property
    def operators(self) -> Any:
        """Where torch has them, once they are loaded."""
        return getattr(torch.ops, self.namespace)

    def is_supported(self) -> bool:
        """Whether this machine has the instructions; ATEN_CPU_CAPABILITY limits them as it does for torch's kernels."""
        if platform.system() != "Linux" or platform.machine() != "x86_64":
            return False
        level = torch.backends.cpu.get_cpu_capability()
        has_level = level in _LEVELS and _LEVELS.index(self.level) <= _LEVELS.index(level)
        return has_level and (self.instruction is None or bool(torch.cpu.get_capabilities().get(self.instruction)))


# The quickest of each dtype first.
VARIANTS = (
    Variant("groupnl", torch.bfloat16, "AVX512", ("-march=x86-64-v4", "-mavx512bf16"), "avx512_bf16"),
    Variant("groupnl_avx512", torch.float32, "AVX512", ("-march=x86-64-v4",)),
    Variant("groupnl_avx2", torch.float32, "AVX2", ("-mavx2", "-mfma")),
)


def variant_for(precision: torch.dtype) -> Variant | None:
    """The quickest variant for this machine and a precision; None if there is none."""
    return next((variant for variant in VARIANTS if variant.dtype == precision and variant.is_supported()), None)


def supports(kernel: int, stride: int, dilation: int, in_channels: int) -> bool:
    """Whether the kernel computes a layer of this geometry."""
    return kernel in (3, 5) and stride in (1, 2) and dilation == 1 and in_channels % 2 == 0


def build(folder: Path, variant: Variant) -> Path:
    """Compile the kernels; takes some seconds.

    Args:
        folder: exists; the library is written there.
        variant: which of them.

    Raises:
        RewriteError: there is no C++ compiler, or it fails.
    """
    compiler = next(filter(None, map(shutil.which, _COMPILERS)), None)
    if compiler is None:
        raise RewriteError(
            f"no C++ compiler ({', '.join(_COMPILERS)}) is installed, which compiles the native kernels: install one, "
            "or choose another engine"
        )
    library = folder / variant.library_file
    home = Path(torch.__file__).parent
    paths = (f"-I{home / 'include'}", f"-L{home / 'lib'}")
    # Linked by name alone: whoever loads the library has loaded torch.
    flags = (*_FLAGS, *variant.flags, f"-DGROUPNL_NAMESPACE={variant.namespace}")
    command = [compiler, *flags, *paths, *map(str, SOURCES), "-ltorch_cpu", "-o", str(library)]
    done = subprocess.run(command, capture_output=True, text=True)  # noqa: S603 (no shell, nothing from outside)
    if done.returncode:
        raise RewriteError(f"{compiler} cannot compile the native kernels: {done.stderr[-2000:]}")
    return library


def load(library: Path) -> None:
    """Make a variant's kernels known to torch; a process loads it once, whichever copy comes first.

    Args:
        library: has the name that `build` gave it.
    """
    namespace = library.name.removesuffix(_LIBRARY_END)
    if namespace in _loaded:
        return
    torch.ops.load_library(str(library))  # type: ignore[no-untyped-call]
    torch.library.register_fake(f"{namespace}::sparse_layer", _sparse_shape)
    torch.library.register_fake(f"{namespace}::finish_layer", _finish_shape)
    _loaded.add(namespace)


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
