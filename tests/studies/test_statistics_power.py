"""The table of what the twin test needs: computed exactly, and simulated."""

from pathlib import Path

import numpy as np
import pytest

from groupnl.robustness.power import DISCORDANCE, NEEDED, Needed
from groupnl_studies.statistics.power import STREAM, informative_needed


@pytest.mark.parametrize("row", NEEDED, ids=lambda row: f"{100 * row.difference:g} points")
def test_the_table_is_what_the_test_needs(row: Needed) -> None:
    assert informative_needed((1 + row.difference / DISCORDANCE) / 2) == [row.informative, row.informative_surely]


def test_pairs_and_requests_follow_from_the_informative_pairs() -> None:
    row = Needed(0.1, 133, 266)
    assert (row.pairs, row.pairs_surely, row.requests(0.1)) == (500, 1000, 5000)
    assert Needed(0.05, 261, 480).pairs == 980


def test_half_of_simulated_comparisons_are_decided_by_then() -> None:
    findings = list(STREAM.simulate(400, np.random.default_rng(1)))
    assert len(findings) == 3 * len(NEEDED)
    assert all(finding.passes for finding in findings)


def test_the_page_shows_the_table() -> None:
    page = Path("docs/report.md").read_text(encoding="utf-8")
    for row in NEEDED:
        name = f"{100 * row.difference:g} point{'s' if row.difference > 0.01 else ''}"
        figures = (row.informative, row.pairs, row.pairs_surely, row.requests(0.1))
        assert f"| {name} | {' | '.join(f'{figure:,}' for figure in figures)} |" in page
