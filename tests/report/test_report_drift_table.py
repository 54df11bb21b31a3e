"""The report's table of gaps: beside each gap the one from which on it is told."""

import pytest

from groupnl.report.drift import Statistic
from groupnl.traffic.drift import Gap


@pytest.mark.parametrize(
    ("name", "told_from"),
    [
        ("sharpness", 0.45),  # a gap of 41 % is beyond chance, and none to be told
        ("confidence", 0.25),
    ],
)
def test_gap_is_told_from_chance_and_the_margin_on(name: str, told_from: float) -> None:
    def statistic(size: float) -> Statistic:
        return Statistic(name, Gap(size, 0.2), 0.3, (1.0,))

    assert statistic(0.3).told_from == pytest.approx(told_from)
    assert not statistic(told_from - 0.01).has_drifted
    assert statistic(told_from + 0.01).has_drifted


def test_no_gap_is_told_from_more_than_all_of_it_on() -> None:
    assert Statistic("noise", Gap(0.3, 0.9), 0.5, (1.0,)).told_from == 1.0
