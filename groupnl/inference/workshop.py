"""Builds the engine of a way to run a network; what takes long to make is kept in a folder and used again."""

import hashlib
import shutil
import tempfile
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch
from torch import Tensor, nn

import groupnl
from groupnl.base.atomic_file import writing
from groupnl.card import InputConfig
from groupnl.inference.engines.engine import Engine
from groupnl.inference.engines.kind import Spec
from groupnl.inference.engines.table import ENGINES, engine_kind
from groupnl.inference.engines.target import Target
from groupnl.inference.rewrite import own_copy
from groupnl.inference.ways import Way

_SOURCES = ("inference", "layers", "models")  # what decides the files that are made
_SUFFIXES = (".py", ".cpp", ".h")


class Workshop:
    """Makes engines.

    Args:
        cache: folder of files made before, of any networks; made if missing.
        config: of the networks' input.
        device: that they run on.
        threads: of the CPU for one batch; torch's own number must be set by the caller.
        graphs: on CUDA, engines record batches of fixed sizes when they warm up.
        calibration: for int8, see `Spec`.
    """

    def __init__(
        self,
        cache: Path,
        config: InputConfig,
        device: torch.device,
        threads: int,
        *,
        graphs: bool = True,
        calibration: Tensor | None = None,
    ) -> None:
        self._cache = cache
        self._config = config
        self._device = device
        self._threads = threads
        self._graphs = graphs
        self._calibration = calibration

    def engine(self, way: Way, model: nn.Module, identity: str) -> Engine:
        """The engine of a network, not warmed up.

        Compiling a package takes 10 to 60 s, exporting some seconds; both are done once for a cache.

        Args:
            way: one that is possible here.
            model: in evaluation mode; it is left as it is.
            identity: tells the weights from all others: architecture and seed, or a checksum (of a file that holds
                several networks: and which of them).

        Raises:
            RewriteError: the network cannot be rewritten, compiled or exported.
            ConfigError: a package that the engine needs is missing or does not start.
        """
        kind = engine_kind(way.engine)
        spec = Spec(
            self._config,
            self._device,
            way.precision,
            self._threads,
            way.published,
            graphs=self._graphs,
            calibration=self._calibration if way.precision == torch.int8 else None,
        )
        folder = self._made(way, identity, lambda folder: kind.make(model, spec, folder)) if kind.has_files else Path()
        # A copy, because engines change the memory order of what they are given.
        return kind.open(folder, lambda: own_copy(model), spec)

    def _made(self, way: Way, identity: str, make: Callable[[Path], object]) -> Path:
        """The folder of what was made for this before, or is made now; a half-made one is never seen."""
        target = Target.here(self._device, way.precision).model_dump_json()
        key = "\n".join([way.name, identity, self._config.model_dump_json(), target, source_digest()])
        if way.precision == torch.int8 and self._calibration is not None:
            key += "\n" + hashlib.sha256(self._calibration.contiguous().numpy().tobytes()).hexdigest()
        place = self._cache / hashlib.sha256(key.encode()).hexdigest()[:32]
        if not place.exists():
            with writing(place):
                self._cache.mkdir(parents=True, exist_ok=True)
                partial = Path(tempfile.mkdtemp(prefix="partial-", dir=self._cache))
                try:
                    make(partial)
                    partial.rename(place)
                finally:
                    shutil.rmtree(partial, ignore_errors=True)
        return place


def source_digest() -> str:
    """SHA-256 of the code that makes engines, and of the versions of what it uses."""
    home = Path(groupnl.__file__).parent
    digest = hashlib.sha256()
    packages = {package for kind in ENGINES for package in (*kind.packages, *kind.packages_to_open)}
    for name in sorted({"timm", *packages}):
        digest.update(f"{name} {_version(name)}\n".encode())
    for part in _SOURCES:
        for file in sorted((home / part).rglob("*")):
            if file.suffix in _SUFFIXES:
                digest.update(f"{file.relative_to(home).as_posix()}\n".encode() + file.read_bytes())
    return digest.hexdigest()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"
