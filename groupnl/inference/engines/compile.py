"""The engine `compile`: the network in PyTorch, compiled by torch.compile at the first batch."""

from collections.abc import Callable
from pathlib import Path

from torch import nn

from groupnl.inference.engines.engine import Engine
from groupnl.inference.engines.kind import EngineKind, Spec
from groupnl.inference.engines.torch_engine import open_network


class Compile(EngineKind):
    """Needs a C++ compiler where it runs, and up to a minute there."""

    name = "compile"

    def open(self, folder: Path, network: Callable[[], nn.Module], spec: Spec) -> Engine:
        """The network, which compiles itself; see `EngineKind.open`."""
        return open_network(network, spec, compiled=True)
