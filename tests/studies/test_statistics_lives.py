"""Restarts and reloads: evidence that begins anew errs more and more often, and so does another archive's."""

import numpy as np

from groupnl.robustness.statistics import ALPHA
from groupnl_studies.statistics.lives import STREAM, falsely_decided


def test_where_it_is_decided() -> None:
    """32 pairs on one side decide; in two lives of 16 each only if the counts go on."""
    assert falsely_decided(np.ones((1, 32), np.int64)) == (0, 0)
    assert falsely_decided(np.ones((2, 16), np.int64)) == (None, 1)
    assert falsely_decided(np.ones((1, 31), np.int64)) == (None, None)
    one_way_and_back = np.repeat([[1], [-1]], 40, axis=1)
    assert falsely_decided(one_way_and_back) == (0, 0)


def test_counts_that_go_on_keep_the_promise() -> None:
    found = {(each.case, each.figure): each for each in STREAM.simulate(300, np.random.default_rng(16))}
    anew, kept = (
        [each.value for (_, figure), each in found.items() if figure == f"false verdicts, {which}"]
        for which in ("each start begins anew", "counts go on")
    )
    assert anew[-1] > 0.7  # a hundred starts
    assert anew == sorted(anew)
    assert max(kept) <= ALPHA
    mixed, dropped = (each for (case, _), each in found.items() if case.startswith("another archive"))
    assert mixed.value == 1
    assert dropped.passes
    assert all(each.passes in (True, None) for each in found.values())
