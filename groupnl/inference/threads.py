"""How many threads torch computes with, where it changes from turn to turn."""

from collections.abc import Iterable

import torch

from groupnl.inference.engines.engine import Engine


def compute_with(threads: int) -> None:
    """Set torch's threads where they are others: setting them makes it forget how it computes convolutions.

    To find that out again took 1 to 2 ms of a batch.
    """
    if threads != torch.get_num_threads():
        torch.set_num_threads(threads)


def warm_up_with(engine: Engine, threads: Iterable[int], max_batch: int) -> None:
    """Warm an engine up with each number of threads: kernels are prepared for each."""
    for number in threads:
        torch.set_num_threads(number)
        engine.warm_up(max_batch)
