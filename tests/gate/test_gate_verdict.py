"""groupnl.gate.verdict on simulated candidates: good, worse and equal, with labels and without."""

from collections.abc import Iterator

import numpy as np
import pytest

from groupnl.gate.counts import Counts, Versus
from groupnl.gate.verdict import NOT_ENOUGH, PROMOTE, REJECT, Rules, verdict

RULES = Rules(max_loss=0.02, max_loss_corrupted=0.02)


def _traffic(gain: float, *, labelled: float, images: int, seed: int = 0) -> Iterator[Counts]:
    """What is counted after each two thousand images of a candidate whose accuracy, and steadiness, is so much higher.

    The model is right on 70 % of the images; each of the two is right alone on some.
    """
    rng = np.random.default_rng(seed)
    shares = [0.06 + max(gain, 0), 0.06 + max(-gain, 0)]
    alike = 1 - sum(shares)
    outcomes = [rng.choice(3, images, p=[shares[0], alike, shares[1]]) for _ in range(2)]
    is_labelled = rng.random(images) < labelled
    for count in range(2000, images + 1, 2000):
        right, holds = (
            Versus(*np.bincount(part, minlength=3))
            for part in (outcomes[0][:count][is_labelled[:count]], outcomes[1][:count])
        )
        agrees = float((outcomes[0][:count] == 1).sum())
        yield Counts(count, agrees, 0, right, holds)


def _first(gain: float, **how: float) -> int:
    """The status at which a gate that is asked after each two thousand images ends."""
    for counts in _traffic(gain, images=20_000, **how):  # type: ignore[arg-type]
        if (status := verdict(counts, RULES).status) != NOT_ENOUGH:
            return status
    return NOT_ENOUGH


@pytest.mark.parametrize(("gain", "status"), [(0.05, PROMOTE), (-0.06, REJECT), (0.0, PROMOTE)])
@pytest.mark.parametrize("seed", [1, 2])
def test_with_labels(gain: float, status: int, seed: int) -> None:
    assert _first(gain, labelled=1.0, seed=seed) == status


@pytest.mark.parametrize(("gain", "status"), [(0.0, NOT_ENOUGH), (-0.06, REJECT)])
def test_without_labels_who_differs_much_is_not_promoted(gain: float, status: int) -> None:
    assert _first(gain, labelled=0.0, seed=1) == status


def test_a_few_labels_are_not_enough_yet() -> None:
    (*_, last) = _traffic(0.05, labelled=0.01, images=20_000)
    found = verdict(last, RULES)
    assert (found.status, found.missing) == (NOT_ENOUGH, ("right",))
    more = found.findings.right.more
    assert more is not None
    scaled = last._replace(right=Versus(*(count * (1 + 1.03 * more / last.right.images) for count in last.right)))
    assert verdict(scaled, RULES).status == PROMOTE


def test_a_worse_candidate_is_hardly_ever_promoted_however_often_one_looks() -> None:
    """On the edge: it loses just as much as is allowed, so that both verdicts are wrong in equal parts."""
    statuses = [_first(-0.02, labelled=1.0, seed=seed) for seed in range(16)]
    assert statuses.count(PROMOTE) <= 2
    assert statuses.count(REJECT) <= 2


def test_the_same_network_is_promoted_without_labels_and_nobody_needs_to_know_who_is_right() -> None:
    found = verdict(Counts(1500, 1500, 0, Versus(), Versus(alike=1500)), Rules())
    assert (found.status, found.is_blind) == (PROMOTE, False)


def test_answers_that_seldom_differ_promote_without_labels_but_it_is_said() -> None:
    counts = Counts(20_000, 19_000, 0, Versus(), Versus(900, 18_300, 800))
    found = verdict(counts, Rules())
    assert (found.status, found.is_blind) == (PROMOTE, True)
    strict = verdict(counts, Rules(min_agreement=0.97, refuses_below=True))
    assert (strict.status, strict.bad) == (REJECT, ("same",))
    assert verdict(counts, Rules(min_agreement=0.97)).status == NOT_ENOUGH


def test_one_answer_for_everything_is_steady_and_not_promoted() -> None:
    constant = Counts(20_000, 3_000, 0, Versus(), Versus(5_000, 15_000, 0))
    assert verdict(constant, Rules()).status == NOT_ENOUGH
    labelled = constant._replace(right=Versus(10, 490, 400))
    assert verdict(labelled, Rules()).bad == ("right",)


def test_few_pairs_promote_nobody() -> None:
    counts = Counts(900, 900, 0, Versus(400, 500, 0), Versus(alike=900))
    assert verdict(counts, Rules()).missing == ("pairs",)
    assert verdict(counts, Rules(min_pairs=900)).status == PROMOTE


def test_who_gives_no_answer_is_rejected() -> None:
    good = Counts(5_000, 5_000, 0, Versus(), Versus(alike=5_000))
    assert verdict(good._replace(failures=500), Rules()).bad == ("failed",)
    assert verdict(good._replace(failures=500), Rules(max_failures=0.2)).status == PROMOTE
    assert verdict(good._replace(failures=45), Rules()).missing == ("failed",)
    assert verdict(Counts(0, 0, 300, Versus(), Versus()), Rules()).bad == ("failed",)


def test_time_matters_where_it_is_asked_for() -> None:
    good = Counts(5_000, 5_000, 0, Versus(), Versus(alike=5_000), {"model": 0.01, "candidate": 0.03})
    assert verdict(good, Rules()).slowdown == pytest.approx(3)
    assert verdict(good, Rules()).status == PROMOTE
    assert verdict(good, Rules(max_slowdown=2)).bad == ("slowdown",)
    assert verdict(good, Rules(max_slowdown=4)).status == PROMOTE
    assert verdict(good._replace(seconds={}), Rules(max_slowdown=4)).missing == ("slowdown",)


def test_nothing_counted_decides_nothing() -> None:
    found = verdict(Counts(0, 0, 0, Versus(), Versus()), Rules())
    assert found.status == NOT_ENOUGH
    assert all(finding.value is None and finding.more is None for finding in found.findings)
    assert found.missing == ("pairs", "same", "kept", "failed")
