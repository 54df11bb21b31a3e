"""torchrun with processes that are forked from it, when all is imported: that takes longer than a short training."""

import sys
from uuid import uuid4

from torch.distributed.launcher.api import LaunchConfig, elastic_launch

import groupnl.training.trainer  # noqa: F401 (with all that it imports)
from groupnl.cli import main


def in_each(*words: str) -> None:
    """What each process does."""
    if status := main(list(words)):
        sys.exit(status)


if __name__ == "__main__":
    processes, *command = sys.argv[1:]
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=int(processes),
        run_id=str(uuid4()),
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        max_restarts=0,
        start_method="fork",
        local_addr="127.0.0.1",
    )
    elastic_launch(config, in_each)(*command)
