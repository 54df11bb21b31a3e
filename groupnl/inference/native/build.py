"""Compiles and loads the native kernels: each `Variant` is a library of all, for one set of instructions."""

import hashlib
import logging
import platform
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import torch

from groupnl.base.cores import usable_cores
from groupnl.errors import RewriteError

# The longest first.
_KERNELS = (
    "sparse_layer",
    "multiply_row",
    "winograd_layer",
    "stem_layer",
    "gates_layer",
    "pointwise_layer",
    "finish_layer",
)
_FLOAT32_KERNELS = ("winograd_layer",)  # which other numbers are too short for
SOURCES = tuple(Path(__file__).with_name(f"{name}.cpp") for name in _KERNELS)
_HEADERS = sorted(Path(__file__).parent.glob("*.h"))
_DIGEST = hashlib.sha256(b"".join(file.read_bytes() for file in (*SOURCES, *_HEADERS))).hexdigest()[:8]
_LIBRARY_END = "_kernel.so"
LIBRARY_FILES = f"groupnl*{_LIBRARY_END}"  # of all variants
_LEVELS = ("AVX2", "AVX512")
_COMPILERS = ("g++", "clang++", "c++")
_FLAGS = (
    *("-std=c++20", "-O3", "-fPIC", "-fvisibility=hidden", "-mprfchw"),
    "-DTORCH_TARGET_VERSION=0x020b000000000000",  # of torch's stable interface: 2.11
)
_loaded: set[str] = set()

# Compiling and loading import it; it warns of CUDA that has no driver, whatever the device is.
logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)


class Variant(NamedTuple):
    """The kernels for one set of instructions.

    Attributes:
        name: of their operators in torch, before what tells these sources from others.
        dtype: of the numbers that they read and write.
        level: of instructions, as torch names it.
        flags: that let the compiler use them; not the machine's own, so that the library runs on every such CPU.
        instruction: that a CPU must have besides, as torch names it.
    """

    name: str
    dtype: torch.dtype
    level: str
    flags: tuple[str, ...]
    instruction: str | None = None

    @property
    def namespace(self) -> str:
        """Of their operators in torch; a process may load archives of another release, with other kernels, too."""
        return f"{self.name}_{_DIGEST}"

    @property
    def library_file(self) -> str:
        """Name of the compiled library."""
        return self.namespace + _LIBRARY_END

    @property
    def sources(self) -> tuple[Path, ...]:
        """Of its kernels."""
        return tuple(file for file in SOURCES if self.dtype == torch.float32 or file.stem not in _FLOAT32_KERNELS)

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
    with ThreadPoolExecutor(usable_cores()) as pool, TemporaryDirectory() as work:

        def compiled(source: Path) -> Path:
            target = Path(work) / f"{source.stem}.o"
            _run([compiler, *flags, paths[0], "-c", str(source), "-o", str(target)])
            return target

        objects = map(str, pool.map(compiled, variant.sources))
        _run([compiler, *flags, "-shared", *objects, paths[1], "-ltorch_cpu", "-o", str(library)])
    return library


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True)  # noqa: S603 (no shell, nothing from outside)
    if done.returncode:
        raise RewriteError(f"{command[0]} cannot compile the native kernels: {done.stderr[-2000:]}")


def load(library: Path) -> None:
    """Make a variant's kernels known to torch; a process loads it once, whichever copy comes first.

    Args:
        library: has the name that `build` gave it.
    """
    namespace = library.name.removesuffix(_LIBRARY_END)
    if namespace in _loaded:
        return
    torch.ops.load_library(str(library))  # type: ignore[no-untyped-call]
    _loaded.add(namespace)
