"""The metrics of a worker: known label values start at 0, and the facts that do not change are set."""

import logging
from collections.abc import Collection
from pathlib import Path

import torch
from prometheus_client import CollectorRegistry

from groupnl.archive.manifest import Manifest
from groupnl.archive.read import archive_digest
from groupnl.archive.speed.speeds import read_speeds
from groupnl.corruptions import Cell
from groupnl.inference.device import precision_name
from groupnl.metrics import (
    BUILD_INFO,
    CLEAN,
    ENGINE_SPEED,
    OF_THE_SERVICE,
    OFFLINE_ACCURACY,
    OFFLINE_AGREEMENT,
    WORKER_LOADS,
    WORKER_STARTS,
    Metrics,
)
from groupnl.robustness.record import ROBUSTNESS_FILE, read_record

logger = logging.getLogger(__name__)


def worker_metrics(model_name: str) -> Metrics:
    """The metrics of this worker process, which begins to load its model; with zeros where label values are known.

    Where `PROMETHEUS_MULTIPROC_DIR` is set (`groupnl serve` sets it), prometheus_client writes them into files there,
    which the server's endpoint adds up. The registry matters only without it, in tests.
    """
    metrics = Metrics(model_name, CollectorRegistry())
    for family in OF_THE_SERVICE:
        metrics.start_at_zero(family)
    metrics.inc(WORKER_LOADS)
    return metrics


def count_start(metrics: Metrics, model_dir: Path, manifest: Manifest, engine: str, precision: torch.dtype) -> None:
    """Count that this worker is ready, and say what it serves."""
    metrics.inc(WORKER_STARTS)
    metrics.set(
        BUILD_INFO,
        1,
        version=manifest.version,
        arch=manifest.card.architecture,
        engine=engine,
        precision=precision_name(precision),
        torch=torch.__version__,
        archive_sha256=archive_digest(model_dir),
    )


def set_engine_speeds(metrics: Metrics, model_dir: Path) -> None:
    """Say how fast the archive's engines are, where they were measured, in the log too.

    Raises:
        ArchiveError: the archive's speeds cannot be read.
    """
    speeds = read_speeds(model_dir)
    if speeds is None:
        return
    logger.info("groupnl: engines, as measured on %s: %s", speeds.machine.cpu, speeds.in_a_line())
    for name, speed in speeds.ordered().items():
        for load in ("full", "beside", "alone"):
            metrics.set(ENGINE_SPEED, getattr(speed, load), engine=name, load=load)


def set_offline_figures(metrics: Metrics, model_dir: Path, cells: Collection[Cell]) -> None:
    """Say how robust and how accurate the model was before packing, where the archive knows.

    Agreement is that of the cells that shadow requests fill, accuracy that of every cell: traffic may be in any.

    Raises:
        ConfigError: the archive's record cannot be read.
    """
    file = model_dir / ROBUSTNESS_FILE
    if not file.exists():
        return
    record = read_record(file)
    for corruption, agreement in record.agreement(cells).items():
        metrics.set(OFFLINE_AGREEMENT, agreement, corruption=corruption)
    metrics.set(OFFLINE_ACCURACY, record.clean_correct / record.images, **CLEAN)
    for (corruption, severity), found in record.figures().items():
        metrics.set(OFFLINE_ACCURACY, found.correct / record.images, corruption=corruption, severity=str(severity))
