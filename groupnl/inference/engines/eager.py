"""The engine `eager`: the network in PyTorch, operator by operator."""

from collections.abc import Callable
from pathlib import Path

from torch import nn

from groupnl.inference.engines.engine import Engine
from groupnl.inference.engines.kind import EngineKind, Spec
from groupnl.inference.engines.torch_engine import open_network


class Eager(EngineKind):
    """Runs any network on any device, in every precision that torch has there."""

    name = "eager"
    serves_published = True

    def open(self, folder: Path, network: Callable[[], nn.Module], spec: Spec) -> Engine:
        """The network itself; see `EngineKind.open`."""
        return open_network(network, spec)
