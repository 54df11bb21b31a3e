"""Starting TorchServe with our archives, and stopping it: `groupnl serve`."""

from groupnl.server.command import add_arguments, run

__all__ = ["add_arguments", "run"]
