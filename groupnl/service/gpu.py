"""How much of a GPU's memory a worker holds, and how often it was not enough, told every few seconds.

On a CPU there is nothing to tell.

How busy the GPU is, its temperature and its errors are NVIDIA's DCGM exporter's: torch knows them only with a package
more.
"""

import logging
import threading
import time

import torch

from groupnl.inference.engines.engine import HALVINGS
from groupnl.metrics import GPU_HALVINGS, GPU_MEMORY, GPU_MEMORY_TOTAL, GPU_MEMORY_USED, Metrics

logger = logging.getLogger(__name__)
PAUSE_S = 5.0


def watch_gpu(metrics: Metrics, device: torch.device) -> None:
    """Tell at once, and from now on in a thread of its own, which ends with the process.

    Args:
        metrics: of the worker.
        device: a CUDA device, with its index.
    """
    halvings = tell_gpu(metrics, device)
    threading.Thread(target=_watch, args=(metrics, device, halvings), name="gpu", daemon=True).start()


def tell_gpu(metrics: Metrics, device: torch.device, told: int = 0) -> int:
    """Set the gauges of the device's memory, and count the batches that did not fit.

    Args:
        metrics: of the worker.
        device: a CUDA device, with its index.
        told: of these batches, how many are counted already.

    Returns:
        How many are counted now.
    """
    free, total = torch.cuda.mem_get_info(device)
    metrics.set(GPU_MEMORY, torch.cuda.memory_allocated(device), device=str(device), kind="allocated")
    metrics.set(GPU_MEMORY, torch.cuda.memory_reserved(device), device=str(device), kind="reserved")
    metrics.set(GPU_MEMORY_USED, total - free, device=str(device))
    metrics.set(GPU_MEMORY_TOTAL, total, device=str(device))
    halvings = HALVINGS.count
    metrics.inc(GPU_HALVINGS, halvings - told, device=str(device))
    return halvings


def _watch(metrics: Metrics, device: torch.device, halvings: int) -> None:
    while True:
        time.sleep(PAUSE_S)
        try:
            halvings = tell_gpu(metrics, device, halvings)
        except Exception:  # of CUDA: whoever answers meets it, too, and says so to its clients
            logger.exception("the memory of %s cannot be read; it is told no more", device)
            return
