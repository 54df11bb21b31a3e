"""The environment of worker processes, whichever server starts them."""

import time
from pathlib import Path

from groupnl.base import environment

METRICS_FOLDER = "metrics"  # below the run's directory: prometheus_client's files, some for each worker
SEEN_FOLDER = "seen"  # below the state folder or the run's: which images each model has seen lately
ANSWERS_FOLDER = "answers"  # beside it: what each model has answered lately
_STALE_S = 30 * 86400.0  # in which nothing was written to a memory, until it is removed


def worker_settings(run_dir: Path, threads: int, seats: Path, state_dir: Path | None) -> dict[str, str]:
    """The variables that a worker needs.

    Args:
        run_dir: directory of the run.
        threads: of a forward pass, unless OMP_NUM_THREADS says otherwise.
        seats: folder of the seats that workers take in turn.
        state_dir: folder of what is kept from one start to the next; None: nothing is.
    """
    memories = memories_folder(run_dir, state_dir)
    for name in (SEEN_FOLDER, ANSWERS_FOLDER):
        _remove_stale(memories / name)
    return {
        **environment.computing(threads, seats),
        environment.SEEN: str(memories / SEEN_FOLDER),
        environment.ANSWERS: str(memories / ANSWERS_FOLDER),
        "PROMETHEUS_MULTIPROC_DIR": str(run_dir / METRICS_FOLDER),
    }


def memories_folder(run_dir: Path, state_dir: Path | None) -> Path:
    """Below which workers share what they remember: the state folder, where there is one."""
    return (state_dir or run_dir).resolve()


def _remove_stale(folder: Path) -> None:
    """Without the memories of networks that are not served any more, of which each is a file."""
    for file in folder.glob("*"):
        if time.time() - file.stat().st_mtime > _STALE_S:
            file.unlink()
