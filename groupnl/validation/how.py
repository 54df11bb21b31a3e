"""How a network is run: the engine, where, and with how much of the machine."""

from pathlib import Path
from typing import NamedTuple

import torch

from groupnl.errors import ConfigError
from groupnl.inference.device import choose_device, choose_precision
from groupnl.inference.engines.table import engine_kind
from groupnl.inference.ways import Way, why_not
from groupnl.validation.crew.job import Crew
from groupnl.validation.options import Options


class How(NamedTuple):
    """How a network is run.

    Attributes:
        way: engine and precision.
        device: where.
        threads: of the CPU, for the network.
        batch_size: images at a time.
        workers: processes that read images; 0: none beside this one.
        cache: folder of compiled networks; None: a temporary one.
    """

    way: Way
    device: torch.device
    threads: int
    batch_size: int
    workers: int
    cache: Path | None = None


def how_to_run(options: Options, crew: Crew) -> How:
    """How the network is to be run by each process of a crew.

    Raises:
        ConfigError: the device is not there, or the engine does not run on it in this precision.
    """
    device = choose_device(options.device)
    workers, threads = share_cores(crew.cores(device), options.workers, options.threads)
    return How(_way(options, device), device, threads, options.batch_size, workers, options.cache)


def share_cores(cores: int, workers: int | None, threads: int | None) -> tuple[int, int]:
    """How many processes read images, and with how many threads the network runs, where nothing else is wanted.

    Together no more than there are cores: threads that wait for one another are slow where they have to share a core.
    On a single one the process reads itself.
    """
    if workers is None:
        workers = max(min(1, cores - 1), cores - threads if threads else cores // 2)
    return workers, threads or max(1, cores - workers)


def _way(options: Options, device: torch.device) -> Way:
    precision = choose_precision(options.precision, device)
    if options.precision == "auto":
        precision = engine_kind(options.engine).nearest(precision, device)
    way = Way(False, options.engine, precision)
    if reason := why_not(way, device):
        raise ConfigError(f"--engine {options.engine} on {device}: {reason}")
    return way
