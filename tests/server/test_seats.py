from pathlib import Path

import pytest

from groupnl.server.seats import Seats, make_seats, plan_seats


@pytest.mark.parametrize(
    ("cores", "workers", "wanted", "expected"),
    [
        (1, 1, None, Seats(1, 1)),
        (2, 1, None, Seats(1, 2)),
        (2, 2, None, Seats(1, 2)),
        (2, 5, None, Seats(1, 2)),
        (2, 2, 2, Seats(2, 1)),
        (4, 2, None, Seats(1, 4)),
        (16, 2, None, Seats(2, 8)),
        (16, 8, None, Seats(4, 4)),
        (16, 1, 4, Seats(1, 16)),
        (2, 8, 8, Seats(8, 1)),
    ],
)
def test_seats_share_the_cores(cores: int, workers: int, wanted: int | None, expected: Seats) -> None:
    assert plan_seats(cores, workers, wanted) == expected


def test_there_is_a_file_for_each_seat(tmp_path: Path) -> None:
    folder = make_seats(tmp_path, Seats(3, 1))
    assert sorted(file.name for file in folder.iterdir()) == ["0", "1", "2"]
