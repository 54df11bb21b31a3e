"""The address for labels of one start."""

from collections.abc import Callable
from pathlib import Path

from groupnl.server.config import ServeConfig, is_loopback
from groupnl.server.keys.keys import Keys
from groupnl.server.labels.labels import Labels
from groupnl.server.labels.page import PATH, labels_page
from groupnl.server.observed.worker_files import WorkerFiles
from groupnl.server.web.hosts import LOOPBACK, Hosts
from groupnl.server.worker_environment import ANSWERS_FOLDER, memories_folder
from groupnl.server.wsgi import WsgiApp


def labels_app(
    config: ServeConfig, run_dir: Path, folder_of: Callable[[str], Path], workers: WorkerFiles, keys: Keys | None = None
) -> dict[str, WsgiApp]:
    """What takes labels, by its path.

    Args:
        config: of this start.
        run_dir: directory of the run.
        folder_of: where a model is unpacked that answers now, by its name; raises NotFoundError.
        workers: what they have counted.
        keys: one of them, with the scope for metrics, must be shown; None: none.
    """
    memory = memories_folder(run_dir, config.state_dir) / ANSWERS_FOLDER
    hosts = Hosts({*LOOPBACK, config.metrics_host}) if is_loopback(config.metrics_host) else None
    return {PATH: labels_page(Labels(folder_of, memory, workers), hosts, keys)}
