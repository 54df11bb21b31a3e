"""groupnl_studies.statistics.drift: no ticket for nothing, one for a corruption and for what confidence tells."""

import numpy as np
import pytest
from support.traffic import tiny_confusion

from groupnl.traffic.mixture import KINDS
from groupnl_studies.statistics import drift


@pytest.fixture(scope="module")
def service() -> drift.Service:
    return drift.packed(tiny_confusion(400), 1000, np.random.default_rng(0))


def test_shares_of_looks_are_those_of_the_cells(service):
    assert service.rates.shape == (96, len(KINDS))
    assert service.rates.sum(axis=1) == pytest.approx(1)


@pytest.mark.parametrize("repeats", [1, 10])
def test_steady_traffic_brings_no_ticket(service, repeats):
    counts = drift.steady(service, 1.0, repeats, np.random.default_rng(1))
    assert drift.begun(drift.tickets(service, *counts)) <= drift.FALSE


def test_what_looks_or_answers_otherwise_brings_its_tickets(service):
    rng = np.random.default_rng(2)
    looks, ranks, classes = (part[:40] for part in drift.steady(service, 10, 1, rng))
    fog = KINDS.index("fog")
    looks[20:] = rng.multinomial(np.full(20, 300), 0.7 * service.rates[0] + 0.3 * service.rates[fog * 5 - 1])
    ranks[20:, -1] = 0
    ranks[20:, -1, :10] = 30  # the lower half of the entropies alone
    classes[20:] = 0
    classes[20:, 0] = 1000
    found = drift.tickets(service, looks, ranks, classes)
    assert not found[:20].any()
    assert set(np.flatnonzero(found[-1])) == {fog - 1, found.shape[1] - 2, found.shape[1] - 1}


def test_a_ticket_that_stays_is_one():
    found = np.zeros((100, 2), bool)
    found[[3, 4, 12, 60], 0] = True  # from 12 to 60 is longer than an hour
    found[50:, 1] = True
    assert drift.begun(found) == 3


def test_a_tenth_is_told_in_time_and_named(service):
    rng = np.random.default_rng(3)
    outcomes = [drift._outcome(service, name, 1.0, 0.1, rng) for name in ("fog", "motion_blur") for _ in range(10)]
    told, named = np.mean(outcomes, axis=0)
    assert told > 0.5
    assert named > 0.9


def test_intervals_hold_the_share(service):
    rng = np.random.default_rng(4)
    held = [drift._covers(service, name, 0.1, 200, rng) for name in KINDS[1:] for _ in range(5)]
    assert np.mean(held) >= drift.COVERED


def test_the_larger_the_gap_the_oftener_it_is_told(service):
    rng = np.random.default_rng(5)
    told = [np.mean([drift._moved(service, gap, 200, drift.ANSWER_MARGIN, rng) for _ in range(40)]) for gap in (0, 0.5)]
    assert told == [0, 1]
