"""How much of a GPU's memory a worker holds, how often it was not enough, and what could not be recorded.

It is told every few seconds.

On a CPU there is nothing to tell.

How busy the GPU is, its temperature and its errors are NVIDIA's DCGM exporter's: torch knows them only with a package
more.
"""

import logging
import threading
import time
from typing import NamedTuple

import torch

from groupnl.inference.engines.engine import HALVINGS
from groupnl.inference.engines.fixed_sizes import FAILURES
from groupnl.metrics import GPU_HALVINGS, GPU_MEMORY, GPU_MEMORY_TOTAL, GPU_MEMORY_USED, GPU_UNRECORDED, Metrics

logger = logging.getLogger(__name__)
PAUSE_S = 5.0


class Told(NamedTuple):
    """What is counted already.

    Attributes:
        halvings: batches that did not fit.
        unrecorded: batch sizes that could not be recorded.
    """

    halvings: int = 0
    unrecorded: int = 0


_NOTHING = Told()


def watch_gpu(metrics: Metrics, device: torch.device) -> None:
    """Tell at once, and from now on in a thread of its own, which ends with the process.

    Args:
        metrics: of the worker.
        device: a CUDA device, with its index.
    """
    told = tell_gpu(metrics, device)
    threading.Thread(target=_watch, args=(metrics, device, told), name="gpu", daemon=True).start()


def tell_gpu(metrics: Metrics, device: torch.device, told: Told = _NOTHING) -> Told:
    """Set the gauges of the device's memory, and count what did not fit or could not be recorded.

    Args:
        metrics: of the worker.
        device: a CUDA device, with its index.
        told: what is counted already.

    Returns:
        What is counted now.
    """
    free, total = torch.cuda.mem_get_info(device)
    metrics.set(GPU_MEMORY, torch.cuda.memory_allocated(device), device=str(device), kind="allocated")
    metrics.set(GPU_MEMORY, torch.cuda.memory_reserved(device), device=str(device), kind="reserved")
    metrics.set(GPU_MEMORY_USED, total - free, device=str(device))
    metrics.set(GPU_MEMORY_TOTAL, total, device=str(device))
    now = Told(HALVINGS.count, FAILURES.count)
    metrics.inc(GPU_HALVINGS, now.halvings - told.halvings, device=str(device))
    metrics.inc(GPU_UNRECORDED, now.unrecorded - told.unrecorded, device=str(device))
    return now


def _watch(metrics: Metrics, device: torch.device, told: Told) -> None:
    while True:
        time.sleep(PAUSE_S)
        try:
            told = tell_gpu(metrics, device, told)
        except Exception:  # of CUDA: whoever answers meets it, too, and says so to its clients
            logger.exception("the memory of %s cannot be read; it is told no more", device)
            return
