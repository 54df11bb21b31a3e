"""Compiles and loads the native kernels, the operators `sparse_layer`, `finish_layer` and `pointwise_layer`.

Each `Variant` is a library of all for one set of instructions, with operators in a namespace of its own. They read and
write numbers of the variant's dtype.

Arguments of the first: x (B, n, H, W), channels-last; weight of x's dtype (kernel * kernel, n); scale and shift of the
seeds, float32 (s,), s = n / 2; polynomials float32 (degree + 1, s), the lowest power first, which give the generated
maps from the normalised seeds; kernel, stride, padding, dilation; activation. Result: (B, n, H', W'), channels-last.
Then, if 1x1 convolutions around the layer are to be computed with it: expand, with which x is (B, i, H, W), its bias
and activation; project and its bias, with which the result is (B, outputs, H', W'); `pointwise` gives both for a
convolution; shortcut, whether x is added to the result.

Those of the second, which follows the seed convolution of any layer: x, the seeds before they are normalised,
(B, s, H, W); scale and shift as above; polynomials float32 (degree + 1, g); sources int32 (g,), the seed that each
generated map is made of; activation. Result: (B, s + g, H, W), channels-last.

Those of the third, a 1x1 convolution: x (B, n, H, W); weight and bias of `pointwise`; outputs; activation; gates, of
x's dtype (B, n, 1, 1), which x is multiplied by first; shortcut (B, outputs, H, W), which is added to the products and
the bias, before the activation. Result: (B, outputs, H, W), channels-last.
"""

import logging
import platform
import shutil
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from groupnl.errors import RewriteError

SOURCES = tuple(
    Path(__file__).with_name(name) for name in ("sparse_layer.cpp", "finish_layer.cpp", "pointwise_layer.cpp")
)
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
    def lanes(self) -> int:
        """float32 numbers in a register."""
        return 16 if self.level == "AVX512" else 8

    @property
    def together(self) -> int:
        """Inputs of a 1x1 convolution that one instruction multiplies for each lane; they must divide its inputs."""
        return 2 if self.dtype == torch.bfloat16 else 1

    @property
    def multiplies_best(self) -> bool:
        """Whether no other instruction of this CPU multiplies matrices of the variant's numbers faster, as AMX does."""
        return not (self.dtype == torch.bfloat16 and torch.cpu.get_capabilities().get("amx_bf16"))

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


def pointwise(weight: Tensor, bias: Tensor | None, variant: Variant) -> tuple[Tensor, Tensor]:
    """Weight and bias of a 1x1 convolution as the kernel wants them.

    Args:
        weight: (outputs, inputs, 1, 1); `variant.together` divides the inputs.
        bias: (outputs,).
        variant: of the kernel.

    Returns:
        Weight (registers of outputs, inputs * lanes) of the variant's dtype, and bias float32 (registers * lanes,).
    """
    outputs, inputs = weight.shape[:2]
    registers = -(-outputs // variant.lanes)
    missing = registers * variant.lanes - outputs
    rows = F.pad(weight.flatten(1), (0, 0, 0, missing))
    panels = rows.view(registers, variant.lanes, inputs // variant.together, variant.together).transpose(1, 2)
    filled = F.pad(weight.new_zeros(outputs) if bias is None else bias, (0, missing))
    return panels.reshape(registers, -1).to(variant.dtype).contiguous(), filled.float()


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
    torch.library.register_fake(f"{namespace}::pointwise_layer", _pointwise_shape)
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
    expand: Tensor | None = None,
    expand_bias: Tensor | None = None,
    expand_activation: str = "none",
    project: Tensor | None = None,
    project_bias: Tensor | None = None,
    outputs: int = 0,
    shortcut: bool = False,
) -> Tensor:
    """What the result looks like, for compilers."""
    height, width = ((side + 2 * padding - kernel) // stride + 1 for side in x.shape[2:])
    shape = (x.shape[0], weight.shape[1] if project is None else outputs, height, width)
    return torch.empty(shape, dtype=x.dtype, device=x.device, memory_format=torch.channels_last)


def _finish_shape(
    x: Tensor, scale: Tensor, shift: Tensor, polynomials: Tensor, sources: Tensor, activation: str
) -> Tensor:
    """What the result looks like, for compilers."""
    batch, seeds, height, width = x.shape
    shape = (batch, seeds + polynomials.shape[1], height, width)
    return torch.empty(shape, dtype=x.dtype, device=x.device, memory_format=torch.channels_last)


def _pointwise_shape(
    x: Tensor,
    weight: Tensor,
    bias: Tensor,
    outputs: int,
    activation: str,
    gates: Tensor | None = None,
    shortcut: Tensor | None = None,
) -> Tensor:
    """What the result looks like, for compilers."""
    shape = (x.shape[0], outputs, *x.shape[2:])
    return torch.empty(shape, dtype=x.dtype, device=x.device, memory_format=torch.channels_last)
