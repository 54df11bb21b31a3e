from pathlib import Path

import pytest

from groupnl.base.seats import Seats, make_seats, plan_seats


@pytest.mark.parametrize(
    ("cores", "workers", "expected"),
    [(1, 1, Seats(1, 1)), (2, 1, Seats(2, 2)), (2, 2, Seats(2, 1)), (2, 5, Seats(2, 1)), (16, 3, Seats(16, 5))],
)
def test_seats_share_the_cores(cores: int, workers: int, expected: Seats) -> None:
    assert plan_seats(cores, workers) == expected


def test_there_is_a_file_for_each_seat(tmp_path: Path) -> None:
    folder = make_seats(tmp_path, Seats(12, 3))
    files = sorted(folder.iterdir())
    assert [file.name for file in files] == [f"{index:04}" for index in range(12)]
    assert {file.read_text() for file in files} == {"3"}
