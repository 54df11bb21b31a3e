"""The address for labels, and what joins them in one service."""

from collections.abc import Callable
from pathlib import Path

from groupnl.server.config import ServeConfig, is_loopback
from groupnl.server.keys.keys import Keys
from groupnl.server.labels.labels import Labels
from groupnl.server.labels.page import PATH, TakesLabels, labels_page
from groupnl.server.observed.worker_files import WorkerFiles
from groupnl.server.web.hosts import LOOPBACK, Hosts
from groupnl.server.worker_environment import ANSWERS_FOLDER, memories_folder
from groupnl.server.wsgi import WsgiApp


def labels_of(config: ServeConfig, run_dir: Path, folder_of: Callable[[str], Path], workers: WorkerFiles) -> Labels:
    """What joins the labels of one service.

    Args:
        config: of this start.
        run_dir: directory of the run.
        folder_of: where a model is unpacked that answers now, by its name; raises NotFoundError.
        workers: what they have counted.
    """
    return Labels(folder_of, memories_folder(run_dir, config.state_dir) / ANSWERS_FOLDER, workers)


def labels_at(metrics_host: str, labels: TakesLabels, keys: Keys | None = None) -> dict[str, WsgiApp]:
    """What takes labels at the address of the metrics, by its path.

    Args:
        metrics_host: of the address.
        labels: joins them.
        keys: one of them, with the scope for metrics, must be shown; None: none.
    """
    hosts = Hosts({*LOOPBACK, metrics_host}) if is_loopback(metrics_host) else None
    return {PATH: labels_page(labels, hosts, keys)}


def labels_app(
    config: ServeConfig, run_dir: Path, folder_of: Callable[[str], Path], workers: WorkerFiles, keys: Keys | None = None
) -> dict[str, WsgiApp]:
    """What takes the labels of one service, by its path; the arguments are those of `labels_of` and `labels_at`."""
    return labels_at(config.metrics_host, labels_of(config, run_dir, folder_of, workers), keys)
