"""groupnl_studies.shadow_cost.run: ratios inside rounds, orders, the table."""

import pytest

from groupnl.errors import ServerError
from groupnl.metrics import SHADOW_DROPPED, SHADOW_PAIRS, SHADOW_SAMPLED
from groupnl.robustness.sampling import is_sampled
from groupnl.service.items import KEY_HEADER
from groupnl_studies.harness.client import Request
from groupnl_studies.harness.load import Outcome
from groupnl_studies.harness.rounds import Ratio
from groupnl_studies.harness.scrape import Scrape
from groupnl_studies.shadow_cost.run import (
    BASE,
    SERVED_SHARE,
    Slot,
    keyed,
    ratio,
    rotated,
    shadows_done,
    slot,
    table,
)

# The machine is twice as fast in the second round; shadows cost 10 % in each.
ROUNDS = [
    {BASE: Slot(100.0, 10.0, 20.0, 0), "100 %": Slot(90.0, 11.0, 24.0, 1)},
    {BASE: Slot(200.0, 5.0, 10.0, 0), "100 %": Slot(180.0, 5.5, 11.0, 2)},
    {BASE: Slot(100.0, 10.0, 20.0, 0), "100 %": Slot(80.0, 11.0, 20.0, 0)},
]


def test_ratios_are_formed_inside_a_round() -> None:
    assert ratio(ROUNDS, "100 %", "throughput") == pytest.approx(Ratio(0.9, 0.8, 0.9))
    assert ratio(ROUNDS, "100 %", "p99_ms") == pytest.approx(Ratio(1.1, 1.0, 1.2))
    assert ratio(ROUNDS, BASE, "p50_ms") == Ratio(1, 1, 1)


def test_each_variant_is_first_equally_often() -> None:
    orders = [rotated(["a", "b", "c"], number) for number in range(6)]
    assert [order[0] for order in orders] == ["a", "b", "c"] * 2
    assert all(sorted(order) == ["a", "b", "c"] for order in orders)


def test_the_table_says_medians_ratios_and_failures() -> None:
    lines = table(ROUNDS).splitlines()
    assert len(lines) == 4
    assert lines[3].startswith(
        "| 100 % | 90 | 0.900 (0.800-0.900) | 11 | 1.100 (1.100-1.100) | 20 | 1.100 (1.000-1.200) | 3"
    )


def test_a_slot_of_two_loads() -> None:
    half = Outcome(2.0, [0.01] * 98 + [0.05] * 2, 3)
    assert slot(Outcome(2.0, [0.1] * 300, 4), half) == pytest.approx(Slot(150.0, 10.0, 50.0, 7))
    with pytest.raises(ServerError, match="no answer"):
        slot(Outcome(2.0, [], 4), half)


def test_what_the_shadows_did_meanwhile() -> None:
    def scrape(sampled: int, pairs: int, full: int) -> Scrape:
        return Scrape(
            f'{SHADOW_SAMPLED.name}{{model="m"}} {sampled}\n'
            f'{SHADOW_PAIRS.name}{{model="m",corruption="fog",severity="1"}} {pairs}\n'
            f'{SHADOW_DROPPED.name}{{model="m",reason="queue_full"}} {full}\n'
        )

    told = shadows_done(scrape(10, 8, 2), scrape(110, 48, 62))
    assert told == "100 chosen, 40 pairs, dropped: 60 queue_full, 0 expired, 0 fault"


@pytest.mark.parametrize("tenths", [0, 1, 10])
def test_keys_decide_which_requests_are_chosen(tenths: int) -> None:
    requests = keyed([Request("/a", b"1"), Request("/b", b"2", (("X-Top-K", "1"),))], tenths)
    keys = [dict(request.headers)[KEY_HEADER] for request in requests]
    assert len(set(keys)) == len(keys) == 20
    assert sum(is_sampled(key, SERVED_SHARE) for key in keys) == 2 * tenths
    assert [request.body for request in requests[:3]] == [b"1", b"2", b"1"]
    assert dict(requests[1].headers)["X-Top-K"] == "1"
