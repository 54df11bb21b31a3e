"""The engine `aot`: a package that AOTInductor compiled when packing; see `groupnl.inference.engines.package`."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import Tensor, nn

from groupnl.base.environment import temporary_files_in
from groupnl.card import InputConfig
from groupnl.inference.engines.engine import Engine, MemoryFaults, keep_exact
from groupnl.inference.engines.kind import EngineKind, Spec
from groupnl.inference.engines.on_device import on_device
from groupnl.inference.native import build as native

PACKAGE_FILE = "engine.pt2"
_MODEL = "model"  # as torch calls what is alone in a package
MAX_BATCH = 256  # images; the machine code takes any number up to it


class Aot(EngineKind):
    """Machine code, for one version of torch, one kind of device, one precision and one set of instructions."""

    name = "aot"
    has_files = True
    has_machine_code = True

    def refusal(self, device: torch.device, precision: torch.dtype, published: bool = False) -> str | None:
        """A package holds no network as it was trained; see `EngineKind.refusal`."""
        if published:
            return "a package always holds the rewritten network: use published-compile"
        return super().refusal(device, precision)

    def make(self, network: nn.Module, spec: Spec, folder: Path) -> None:
        """Compile the package, 10 to 60 s; see `EngineKind.make`."""
        # Here, because a worker that only opens packages needs nothing of what makes them.
        from groupnl.inference.engines.package import compile_package

        compile_package(network, spec.input, spec.device, spec.precision, folder)

    def files(self, folder: Path) -> list[Path]:
        """The package, and the kernels' library if it calls one."""
        return [file for file in (folder / PACKAGE_FILE, *folder.glob(native.LIBRARY_FILES)) if file.exists()]

    def open(self, folder: Path, network: Callable[[], nn.Module], spec: Spec) -> Engine:
        """The package; see `EngineKind.open`."""
        keep_exact(spec.precision)
        package, *kernels = self.files(folder)
        kernel = kernels[0] if kernels else None
        return PackageEngine(package, kernel, spec.input, spec.device, urgent=spec.urgent, graphs=spec.graphs)


class PackageEngine:
    """Runs a compiled package.

    Args:
        package: file of `compile_package`, whose target fits this machine: machine code is run as it is.
        kernel: the native kernel that it calls, if any.
        config: of the network's input.
        device: that it was compiled for.
        urgent: on CUDA, run on a stream that goes before those of other engines.
        graphs: on CUDA, record fixed batch sizes when warming up.
    """

    def __init__(
        self,
        package: Path,
        kernel: Path | None,
        config: InputConfig,
        device: torch.device,
        *,
        urgent: bool = False,
        graphs: bool = True,
    ) -> None:
        if kernel is not None:
            native.load(kernel)
        compute = partial(_logits, _opened(package, device), MemoryFaults(device))
        self._where = f"of the compiled package on {device}"
        self._on_device = on_device(compute, config.size, device, urgent=urgent, graphs=graphs)

    def __call__(self, pixels: Tensor) -> Tensor:
        """Compute logits; see `Engine`."""
        return torch.cat([self._on_device(part) for part in torch.split(pixels, MAX_BATCH)])

    def warm_up(self, max_batch: int) -> None:
        """Run once with one image and once with `max_batch`, of noise; see `Engine`."""
        self._on_device.warm_up(max_batch, self._where)


def _logits(run: Callable[[list[Tensor]], list[Tensor]], faults: MemoryFaults, images: Tensor) -> Tensor:
    # The machine code takes the memory order it was compiled for, without looking: channels last, as it is here.
    try:
        (logits,) = run([images])
    except RuntimeError as error:
        if faults.has_new():  # the machine code's own error does not say so
            raise torch.OutOfMemoryError(str(error)) from error
        raise
    return logits


def _opened(package: Path, device: torch.device) -> Callable[[list[Tensor]], list[Tensor]]:
    """What runs a package.

    torch unpacks it into a temporary folder, and removes that when the process ends, unless it is killed, as shadow
    processes are: 10 MB and more stayed each time. On a CPU all is read by then; CUDA's kernels are read when they run.
    """
    if device.type != "cpu":
        return _load(package, device)
    with TemporaryDirectory() as folder, temporary_files_in(Path(folder)):
        return _load(package, device)


def _load(package: Path, device: torch.device) -> Callable[[list[Tensor]], list[Tensor]]:
    # As torch._inductor.aoti_load_package does; that imports the compiler first, which takes as long as torch itself.
    index = -1 if device.index is None else device.index
    # What lets several threads run a package at once waits for events, which no CUDA graph can record.
    is_alone = device.type == "cuda"
    return torch._C._aoti.AOTIModelPackageLoader(str(package), _MODEL, is_alone, 1, index).boxed_run
