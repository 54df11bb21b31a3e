"""The environment of worker processes, whichever server starts them."""

from pathlib import Path

from groupnl.base import environment

METRICS_FOLDER = "metrics"  # below the run's directory: prometheus_client's files, some for each worker
_SEEN_FOLDER = "seen"  # the same: which images each model has seen lately


def worker_settings(run_dir: Path, threads: int, seats: Path) -> dict[str, str]:
    """The variables that a worker needs.

    Args:
        run_dir: directory of the run.
        threads: of a forward pass, unless OMP_NUM_THREADS says otherwise.
        seats: folder of the seats that workers take in turn.
    """
    return {
        "OMP_NUM_THREADS": environment.omp_num_threads() or str(threads),
        **environment.brief_waiting(),
        **environment.huge_pages(),
        environment.SEATS: str(seats),
        environment.SEEN: str(run_dir / _SEEN_FOLDER),
        "PROMETHEUS_MULTIPROC_DIR": str(run_dir / METRICS_FOLDER),
    }
