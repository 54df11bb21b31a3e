"""What is asked of a kind of engine: its row in the table of engines."""

import importlib.util
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from groupnl.card import InputConfig
from groupnl.errors import RewriteError, not_installed
from groupnl.inference.device import precision_refusal
from groupnl.inference.engine_names import EngineName
from groupnl.inference.engines.engine import Engine
from groupnl.inference.engines.quantised import Quantised


def cannot_run(what: str, reason: Exception) -> RewriteError:
    """The error of an engine that cannot run a network.

    Args:
        what: it cannot do.
        reason: the compiler's or runtime's own error.
    """
    return RewriteError(f"{what}; --engine eager runs any network. The reason: {reason}")


class Spec(NamedTuple):
    """How a network is to be run.

    Attributes:
        input: of the network.
        device: that it runs on.
        precision: of its products.
        threads: of the CPU for one batch, where an engine is told once; torch's own number is set by the caller.
        published: in the form in which it was trained, instead of the form that `to_inference` makes.
        urgent: on CUDA, goes before other engines.
        cache: folder in which a runtime may keep what it compiles; None: it compiles nothing that takes long.
        graphs: on CUDA, batches of fixed sizes are recorded when warming up.
        calibration: for int8, images that say in which steps to count: uint8 (N, 3, S, S); only making needs them.
    """

    input: InputConfig
    device: torch.device
    precision: torch.dtype
    threads: int = 1
    published: bool = False
    urgent: bool = False
    cache: Path | None = None
    graphs: bool = True
    calibration: Tensor | None = None


class EngineKind(ABC):
    """One engine: what it needs and refuses, how it makes its files, how it opens them.

    Attributes:
        name: as options, records and metrics have it.
        runtime: whose kernels compute.
        has_files: packing puts files beside the weights.
        has_machine_code: these are only for the machine that made them.
        precision_is_in_files: they were made for one precision, whatever is asked for later.
        serves_published: a service runs the network as it was trained.
        packages: what making its files needs beside the project itself, and our extras that have it.
        packages_to_open: the same of what opening them needs.
    """

    name: ClassVar[EngineName]
    runtime: ClassVar[str] = "torch"
    has_files: ClassVar[bool] = False
    has_machine_code: ClassVar[bool] = False
    precision_is_in_files: ClassVar[bool] = False
    serves_published: ClassVar[bool] = False
    packages: ClassVar[Mapping[str, str]] = {}
    packages_to_open: ClassVar[Mapping[str, str]] = {}

    def refusal(self, device: torch.device, precision: torch.dtype, published: bool = False) -> str | None:
        """Why a network cannot be run so, in a sentence that says what to do; None if it can."""
        if precision == torch.int8:
            return f"the engine {self.name!r} has no precision 'int8': use --engine openvino, or another precision"
        return precision_refusal(precision, device)

    def nearest(self, precision: torch.dtype, device: torch.device) -> torch.dtype:
        """A precision that nobody insists on, or float32 where this engine refuses it."""
        return precision if self.refusal(device, precision) is None else torch.float32

    def missing(self) -> str | None:
        """Which package must be installed before its files are made and opened, in a sentence; None: all are there."""
        return _missing({**self.packages, **self.packages_to_open})

    def missing_to_open(self) -> str | None:
        """Which package must be installed before its files are opened, in a sentence; None: all are there."""
        return _missing(self.packages_to_open)

    def make(self, network: nn.Module, spec: Spec, folder: Path) -> Quantised | None:
        """Write the engine's files; nothing where it has none.

        Args:
            network: as it was trained, in evaluation mode; it is left as it is.
            spec: what they are for.
            folder: exists.

        Returns:
            What was made int8 of it; None: nothing.

        Raises:
            ConfigError: a package that the engine needs is missing.
            RewriteError: the network cannot be compiled or exported, or not be made int8.
        """
        return None

    def files(self, folder: Path) -> list[Path]:
        """The files that were made in a folder, the one first that is opened first."""
        return []

    @abstractmethod
    def open(self, folder: Path, network: Callable[[], nn.Module], spec: Spec) -> Engine:
        """The engine, not warmed up.

        Args:
            folder: of its files.
            network: gives the network as it was trained, where the engine needs it; it becomes the engine's own.
            spec: how it is to run.

        Raises:
            ConfigError: a package that the engine needs is missing or does not start.
            RewriteError: a file is not what `make` wrote.
        """


def _missing(packages: Mapping[str, str]) -> str | None:
    for package, extra in packages.items():
        if importlib.util.find_spec(package) is None:
            return not_installed(package, extra)
    return None
