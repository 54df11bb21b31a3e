"""groupnl_studies.harness.rounds: a figure over rounds, and who is first in which."""

from groupnl_studies.harness.rounds import Ratio, in_turns, median_over


def test_a_figure_over_rounds_is_its_median_with_its_ends() -> None:
    found = Ratio.over([(2, 4), (9, 3), (5, 5)], lambda each: each[0] / each[1])
    assert found == Ratio(1.0, 0.5, 3.0)
    assert f"{found:.2f}" == "1.00 (0.50-3.00)"
    assert median_over([1, 2], float) == 1.5


def test_every_other_round_goes_the_other_way() -> None:
    assert [in_turns("ab", number) for number in range(3)] == [["a", "b"], ["b", "a"], ["a", "b"]]
