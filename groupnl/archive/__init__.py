"""The `.mar` archive that TorchServe loads: packing (`pack`), reading (`read`), and `groupnl archive`."""

from groupnl.archive.command import add_arguments, run
from groupnl.archive.read import read_manifest

__all__ = ["add_arguments", "read_manifest", "run"]
