"""groupnl_studies.harness.scrape: sums of counters as the endpoint writes them."""

from groupnl.corruptions.names import Cell
from groupnl.metrics import PAIRED_OUTCOMES_TOTAL, SHADOW_DROPPED, SHADOW_FLIPS, SHADOW_PAIRS, SHADOW_SAMPLED
from groupnl_studies.harness.scrape import Scrape, waiting

TEXT = """# HELP groupnl_shadow_pairs_total Live images answered clean and corrupted.
# TYPE groupnl_shadow_pairs_total counter
groupnl_shadow_pairs_total{corruption="fog",model="a",severity="1"} 7.0
groupnl_shadow_pairs_total{corruption="fog",model="a",severity="2"} 8.0
groupnl_shadow_pairs_total{corruption="fog",model="b",severity="2"} 100.0
groupnl_shadow_pairs_total{corruption="none",model="a",severity="0"} 1.0
# HELP groupnl_shadow_sampled_total Live images chosen for a shadow request.
# TYPE groupnl_shadow_sampled_total counter
groupnl_shadow_sampled_total{model="a"} 20.0
groupnl_shadow_sampled_total{model="b"} 101.0
# HELP groupnl_shadow_dropped_total Chosen images that were not answered again, by reason.
# TYPE groupnl_shadow_dropped_total counter
groupnl_shadow_dropped_total{model="a",reason="expired"} 2.0
groupnl_shadow_dropped_total{model="a",reason="fault"} 1.0
# TYPE groupnl_shadow_paired_outcomes_total counter
groupnl_shadow_paired_outcomes_total{corruption="fog",model="a",outcome="both_hold",reference="b"} 3.0
groupnl_shadow_paired_outcomes_total{corruption="snow",model="a",outcome="both_hold",reference="b"} 4.0
"""


def test_sums() -> None:
    scrape = Scrape(TEXT)
    assert scrape.total(SHADOW_PAIRS) == 116
    assert scrape.total(SHADOW_PAIRS, model="a", corruption="fog") == 15
    assert scrape.total(SHADOW_FLIPS) == 0
    assert scrape.by_cell(SHADOW_PAIRS, "a") == {Cell("fog", 1): 7, Cell("fog", 2): 8}
    assert scrape.by("outcome", PAIRED_OUTCOMES_TOTAL, model="a", reference="b") == {"both_hold": 7}
    assert scrape.by("reason", SHADOW_DROPPED, model="a") == {"expired": 2, "fault": 1}


def test_what_waits_was_chosen_and_neither_answered_nor_dropped() -> None:
    assert Scrape(TEXT).total(SHADOW_SAMPLED) == 121
    assert waiting(Scrape(TEXT)) == 121 - 116 - 3
