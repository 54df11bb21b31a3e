"""How much of a GPU's memory a worker holds, told every few seconds; on a CPU there is nothing to tell.

How busy the GPU is, its temperature and its errors are NVIDIA's DCGM exporter's: torch knows them only with a package
more.
"""

import logging
import threading
import time

import torch

from groupnl.metrics import GPU_MEMORY, GPU_MEMORY_TOTAL, GPU_MEMORY_USED, Metrics

logger = logging.getLogger(__name__)
PAUSE_S = 5.0


def watch_gpu(metrics: Metrics, device: torch.device) -> None:
    """Tell at once, and from now on in a thread of its own, which ends with the process.

    Args:
        metrics: of the worker.
        device: a CUDA device, with its index.
    """
    tell_gpu(metrics, device)
    threading.Thread(target=_watch, args=(metrics, device), name="gpu", daemon=True).start()


def tell_gpu(metrics: Metrics, device: torch.device) -> None:
    """Set the gauges of the device's memory."""
    free, total = torch.cuda.mem_get_info(device)
    metrics.set(GPU_MEMORY, torch.cuda.memory_allocated(device), device=str(device), kind="allocated")
    metrics.set(GPU_MEMORY, torch.cuda.memory_reserved(device), device=str(device), kind="reserved")
    metrics.set(GPU_MEMORY_USED, total - free, device=str(device))
    metrics.set(GPU_MEMORY_TOTAL, total, device=str(device))


def _watch(metrics: Metrics, device: torch.device) -> None:
    while True:
        time.sleep(PAUSE_S)
        try:
            tell_gpu(metrics, device)
        except Exception:  # of CUDA: whoever answers meets it, too, and says so to its clients
            logger.exception("the memory of %s cannot be read; it is told no more", device)
            return
