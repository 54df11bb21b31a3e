"""How the cores are shared among the workers: seats, one for each core, which a worker takes while it computes.

A worker that is alone takes all of them; where several have work, each takes its share, and the others wait, read their
next batch or send their last. So, however many workers there are, no more threads compute than there are cores. See
`groupnl.base.turns`.
"""

from pathlib import Path
from typing import NamedTuple

FOLDER = "seats"


class Seats(NamedTuple):
    """The plan of a start.

    Attributes:
        number: cores.
        share: of them that a worker takes while others compute too.
    """

    number: int
    share: int


def plan_seats(cores: int, workers: int) -> Seats:
    """Share out the cores.

    Args:
        cores: at least 1.
        workers: of all models together, at least 1.
    """
    return Seats(cores, max(1, cores // workers))


def make_seats(run_dir: Path, seats: Seats) -> Path:
    """Make the folder of this start's seats: a file for each, which holds the share; returns it."""
    folder = run_dir / FOLDER
    folder.mkdir()
    for index in range(seats.number):
        (folder / f"{index:04}").write_text(str(seats.share), encoding="ascii")
    return folder


def read_seats(folder: Path) -> tuple[list[Path], int]:
    """The files of the seats, in the order in which all take them, and a worker's share of them."""
    files = sorted(folder.iterdir())
    return files, int(files[0].read_text(encoding="ascii"))
