"""Builds the engine of a way to run a network; what takes long to make is kept in a folder and used again."""

import copy
import hashlib
import shutil
import tempfile
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch
from torch import fx, nn

import groupnl
from groupnl.card import InputConfig
from groupnl.inference.engines.aot import PackageEngine
from groupnl.inference.engines.onnx import OnnxEngine
from groupnl.inference.engines.onnx_export import export_onnx, fastest_sine
from groupnl.inference.engines.openvino import OpenVinoEngine
from groupnl.inference.engines.package import PACKAGE_FILE, Target, compile_package
from groupnl.inference.engines.torch_engine import Engine, TorchEngine
from groupnl.inference.native.build import LIBRARY_FILE
from groupnl.inference.rewrite import to_inference
from groupnl.inference.ways import Way

_ONNX_FILE = "network.onnx"
_SOURCES = ("inference", "layers", "models")  # what decides the files that are made
_SUFFIXES = (".py", ".cpp", ".h")
_MAKERS = ("onnx", "onnxscript", "timm")


class Workshop:
    """Makes engines.

    Args:
        cache: folder of files made before, of any networks; made if missing.
        config: of the networks' input.
        device: that they run on.
        threads: of the CPU for one batch; torch's own number must be set by the caller.
    """

    def __init__(self, cache: Path, config: InputConfig, device: torch.device, threads: int) -> None:
        self._cache = cache
        self._config = config
        self._device = device
        self._threads = threads

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
        if way.engine == "aot":
            return self._package(way, model, identity)
        if way.engine in ("onnx", "openvino"):
            return self._graph_runtime(way, model, identity)
        network = _copy(model) if way.published else to_inference(model)
        return TorchEngine(network, self._config, self._device, way.precision, compiled=way.engine == "compile")

    def _package(self, way: Way, model: nn.Module, identity: str) -> Engine:
        def make(folder: Path) -> None:
            compile_package(model, self._config, self._device, way.precision, folder)

        folder = self._made(way, identity, make)
        kernel = folder / LIBRARY_FILE
        return PackageEngine(folder / PACKAGE_FILE, kernel if kernel.exists() else None, self._config, self._device)

    def _graph_runtime(self, way: Way, model: nn.Module, identity: str) -> Engine:
        on_openvino = way.engine == "openvino"

        def make(folder: Path) -> None:
            export_onnx(
                _as_one_node(model) if way.published else to_inference(model),
                self._config,
                folder / _ONNX_FILE,
                sine=fastest_sine(way.engine, self._device),
                dtype=torch.float16 if way.precision == torch.float16 else torch.float32,
            )

        file = self._made(way, identity, make) / _ONNX_FILE
        if on_openvino:
            return OpenVinoEngine(file, self._config.size, way.precision, self._threads)
        return OnnxEngine(file, self._config.size, self._device, self._threads)

    def _made(self, way: Way, identity: str, make: Callable[[Path], None]) -> Path:
        """The folder of what was made for this before, or is made now; a half-made one is never seen."""
        target = Target.here(self._device, way.precision).model_dump_json()
        key = "\n".join([way.name, identity, self._config.model_dump_json(), target, source_digest()])
        place = self._cache / hashlib.sha256(key.encode()).hexdigest()[:32]
        if not place.exists():
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
    for name in _MAKERS:
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


def _as_one_node(model: nn.Module) -> fx.GraphModule:
    """A network that the exporter takes as it is: nothing in it is rewritten."""
    graph = fx.Graph()
    graph.output(graph.call_module("network", (graph.placeholder("x"),)))
    return fx.GraphModule({"network": _copy(model)}, graph)


def _copy(model: nn.Module) -> nn.Module:
    """A copy, because engines change the memory order of what they are given."""
    return copy.deepcopy(model).eval().requires_grad_(False)
