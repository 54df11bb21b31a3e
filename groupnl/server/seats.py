"""How the cores are shared among the workers: seats, which they take in turn.

A worker that computes sits on a seat, which stands for some of the cores; the others wait, read their next batch or
send their last. So a worker has many cores while it is alone, and however many workers there are, no more threads
compute than there are cores. See `handlers.turns`.
"""

from pathlib import Path
from typing import NamedTuple

FOLDER = "seats"
# Small networks gain little from more threads in one forward pass; more batches at a time do.
_CORES_OF_A_SEAT = 4


class Seats(NamedTuple):
    """The plan of a start.

    Attributes:
        number: batches that are computed at a time.
        threads: of each of them.
    """

    number: int
    threads: int


def plan_seats(cores: int, workers: int, wanted: int | None = None) -> Seats:
    """Share out the cores.

    Args:
        cores: at least 1.
        workers: of all models together, at least 1.
        wanted: number of seats, where the operator says it.
    """
    number = min(workers, wanted or max(1, cores // _CORES_OF_A_SEAT))
    return Seats(number, max(1, cores // number))


def make_seats(run_dir: Path, seats: Seats) -> Path:
    """Make the folder of this start's seats, one empty file each; returns it."""
    folder = run_dir / FOLDER
    folder.mkdir()
    for index in range(seats.number):
        (folder / str(index)).touch()
    return folder
