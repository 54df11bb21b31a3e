"""A network compiled ahead of time by AOTInductor: making the package, and telling where it can be used.

A package holds machine code: it is for one version of torch, one kind of device, one precision, and on a CPU for the
instructions of the machine it was made on. What it is for is written down beside it and compared before it is loaded.
"""

import platform
from pathlib import Path
from typing import Literal

import torch
from pydantic import BaseModel, ConfigDict
from torch import fx, nn

from groupnl.card import InputConfig
from groupnl.errors import RewriteError
from groupnl.inference.device import precision_name
from groupnl.inference.native import build as native
from groupnl.inference.pixels import PixelNetwork
from groupnl.inference.rewrite import to_inference
from groupnl.inference.rewrite.native_layer import use_native_layers

PACKAGE_FILE = "engine.pt2"
MAX_BATCH = 256  # images; the machine code takes any number up to it

_OPTIONS = {
    "freezing": True,  # weights are constants: packed for the matrix instructions when compiling
    "cpp.dynamic_threads": True,  # as many threads as the process that runs it is given
}


class Target(BaseModel):
    """What a package is for.

    Attributes:
        torch_version: of what compiled it.
        machine: processor architecture.
        device: "cpu", or "cuda" with the compute capability.
        precision: dtype of matrix products.
        instructions: of the CPU, those that torch knows about.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    torch_version: str
    machine: str
    device: str
    precision: Literal["float32", "bfloat16", "float16"]
    instructions: tuple[str, ...]

    @classmethod
    def here(cls, device: torch.device, precision: torch.dtype) -> "Target":
        """This machine."""
        return cls.model_validate(
            {
                "torch_version": torch.__version__,
                "machine": platform.machine(),
                "device": _device_name(device),
                "precision": precision_name(precision),
                "instructions": sorted(name for name, has in torch.cpu.get_capabilities().items() if has is True),
            }
        )

    def misfit(self, here: "Target") -> str | None:
        """Why a package for this cannot be used there; None if it can."""
        for name in ("torch_version", "machine", "device", "precision"):
            wanted, found = getattr(self, name), getattr(here, name)
            if wanted != found:
                return f"it was compiled for {name} {wanted}, here it is {found}"
        if missing := sorted(set(self.instructions) - set(here.instructions)):
            return f"it was compiled for a CPU with {', '.join(missing)}, which this one lacks"
        return None


def compile_package(
    model: nn.Module, config: InputConfig, device: torch.device, precision: torch.dtype, folder: Path
) -> Path | None:
    """Compile a network into `folder`/`PACKAGE_FILE`.

    Takes 10 to 60 s, with the C++ compiler on a CPU.

    Args:
        model: in the form it was trained in; it is left as it is.
        config: of its input.
        device: to compile for; must be there.
        precision: float32, or that of autocast.
        folder: exists.

    Returns:
        The native kernel's file, in `folder`, if the package calls one.

    Raises:
        RewriteError: the network cannot be rewritten or compiled, or there is no compiler.
    """
    kernel = _native_kernel(device, precision, folder)
    network = to_inference(model, reorder=kernel is None)
    if kernel is not None and not use_native_layers(network):
        kernel.unlink()  # there is nothing for it to do
        kernel = None
        network = to_inference(model)
    try:
        _compile(network, config, device, precision, folder / PACKAGE_FILE)
    except Exception as error:  # the compiler's own errors are of many types
        raise RewriteError(f"AOTInductor cannot compile {type(model).__name__} for {device}: {error}") from error
    return kernel


def _compile(
    network: fx.GraphModule, config: InputConfig, device: torch.device, precision: torch.dtype, file: Path
) -> None:
    pixels = PixelNetwork(network, config).eval().to(device).to(memory_format=torch.channels_last)
    example = torch.zeros(2, 3, config.size, config.size, dtype=torch.uint8, device=device)
    example = example.contiguous(memory_format=torch.channels_last)
    batch = torch.export.Dim("batch", min=1, max=MAX_BATCH)
    with torch.no_grad(), torch.autocast(device.type, precision, enabled=precision != torch.float32):
        program = torch.export.export(pixels, (example,), dynamic_shapes={"pixels": {0: batch}})
        torch._inductor.aoti_compile_and_package(program, package_path=str(file), inductor_configs=_OPTIONS)


def _native_kernel(device: torch.device, precision: torch.dtype, folder: Path) -> Path | None:
    """The kernel, compiled into `folder` and loaded, where there is one for this."""
    if device.type != "cpu" or precision != torch.bfloat16 or not native.is_supported():
        return None
    library = native.build(folder)
    native.load(library)
    return library


def _device_name(device: torch.device) -> str:
    if device.type != "cuda":
        return device.type
    major, minor = torch.cuda.get_device_capability(device)
    return f"cuda sm_{major}{minor}"
