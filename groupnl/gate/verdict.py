"""The gate's rules: counts in, a verdict with its findings out.

Each finding is a figure with an interval that may be looked at any time, and what it means for the candidate: good,
bad, or open. Any bad one rejects. What must be good to promote depends on what is known:

- where labels are known, right answers: they say who is more often right;
- without labels, the same answers on clean images, and the own answers kept under corruption. Nobody knows then who is
  right where the two differ; it does not matter only where they differ so rarely that the loss is excluded anyway.

All intervals hold together, at any time, with a probability of 95 %: each misses with its share of 5 %.
"""

from collections.abc import Callable
from typing import Literal, NamedTuple

from groupnl.gate.counts import Counts, Versus
from groupnl.robustness.always_valid import always_valid_mean, always_valid_share, surely_at_least
from groupnl.robustness.statistics import ALPHA, Interval

State = Literal["good", "bad", "open"]
VERDICTS = ("promote", "reject", "not enough yet")  # by exit status
PROMOTE, REJECT, NOT_ENOUGH = range(3)
_SHARE_OF_ALPHA = ALPHA / 4  # right answers, same answers, answers kept, failures
_MOST_TIMES = 1000.0  # as many images as now: further ahead nothing is foretold
_STEP = 1.02


class Rules(NamedTuple):
    """What is asked of a candidate; shares are 0 to 1.

    Attributes:
        min_pairs: images that both must have answered before it is promoted.
        max_loss: of accuracy.
        max_loss_corrupted: of answers kept under corruption.
        min_agreement: of same answers on clean images, where there are no labels.
        refuses_below: whether it is rejected where they certainly are fewer.
        max_failures: images without an answer.
        max_slowdown: times as many seconds as the model; None: it does not matter.
    """

    min_pairs: int = 1000
    max_loss: float = 0.01
    max_loss_corrupted: float = 0.01
    min_agreement: float = 0.9
    refuses_below: bool = False
    max_failures: float = 0.01
    max_slowdown: float | None = None


class Finding(NamedTuple):
    """One figure.

    Attributes:
        images: behind it.
        value: as counted; None where nothing was.
        interval: in which it lies, however often one looks.
        state: what that means for the candidate.
        more: images that are missing until it is good or bad, if all goes on as so far; None: there is no telling, or
            nothing is missing.
    """

    images: float
    value: float | None
    interval: Interval
    state: State
    more: float | None


class Findings(NamedTuple):
    """Every figure.

    Attributes:
        right: the candidate's accuracy minus the model's, on images whose class is known.
        same: share of clean images with the same best class.
        kept: share of own answers kept under corruption, the candidate's minus the model's.
        failed: share of images without an answer of the candidate.
    """

    right: Finding
    same: Finding
    kept: Finding
    failed: Finding


class Verdict(NamedTuple):
    """What is to be done.

    Attributes:
        status: `PROMOTE`, `REJECT` or `NOT_ENOUGH`; the exit status.
        findings: all figures.
        slowdown: the candidate's seconds over the model's; None where nothing was timed.
        bad: names of the findings that reject, ``slowdown`` perhaps among them.
        missing: names of those that are not good, but would have to be; ``pairs`` where there are too few.
        is_blind: whether it was promoted though nobody knows who is right where the two differ.
    """

    status: int
    findings: Findings
    slowdown: float | None
    bad: tuple[str, ...]
    missing: tuple[str, ...]
    is_blind: bool


def verdict(counts: Counts, rules: Rules) -> Verdict:
    """Judge a candidate by what was counted since one beginning."""
    findings, slowdown = findings_of(counts, rules), _slowdown(counts)
    is_slow = rules.max_slowdown is not None and slowdown is not None and slowdown > rules.max_slowdown
    has_pairs = counts.images >= rules.min_pairs
    bad = [name for name, finding in findings._asdict().items() if finding.state == "bad"]
    if is_slow and has_pairs:
        bad.append("slowdown")
    missing = [*([] if has_pairs else ["pairs"]), *_missing(findings, rules)]
    if rules.max_slowdown is not None and slowdown is None:
        missing.append("slowdown")
    status = REJECT if bad else NOT_ENOUGH if missing else PROMOTE
    is_blind = status == PROMOTE and findings.right.state != "good" and not _differs_too_rarely(findings, rules)
    return Verdict(status, findings, slowdown, tuple(bad), tuple(missing), is_blind)


def findings_of(counts: Counts, rules: Rules) -> Findings:
    """Every figure, and what it means."""
    answered = counts.images + counts.failures
    return Findings(
        right=_difference(counts.right, rules.max_loss),
        same=_share(counts.agrees, counts.images, rules.min_agreement, can_be_bad=rules.refuses_below),
        kept=_difference(counts.holds, rules.max_loss_corrupted),
        failed=_failed(counts.failures, answered, rules.max_failures),
    )


def _missing(findings: Findings, rules: Rules) -> list[str]:
    """Names of what would have to be good."""
    if findings.right.images:
        clean = ["right"] if not _differs_too_rarely(findings, rules) else []
        wanted = [*clean, "failed"]
    else:
        wanted = ["same", "kept", "failed"]
    return [name for name in wanted if getattr(findings, name).state != "good"]


def _differs_too_rarely(findings: Findings, rules: Rules) -> bool:
    """Whether so few answers differ that the loss is excluded, whoever is right where they do."""
    return 1 - findings.same.interval.low <= rules.max_loss


def _slowdown(counts: Counts) -> float | None:
    model, candidate = (counts.seconds.get(network) for network in ("model", "candidate"))
    return candidate / model if model and candidate is not None else None


def _difference(versus: Versus, max_loss: float) -> Finding:
    """Of two shares, the candidate's minus the model's."""
    interval = always_valid_mean(*versus, alpha=_SHARE_OF_ALPHA)
    return _finding(versus, -max_loss, versus.candidate_only - versus.model_only, interval)


def _share(good: float, total: float, least: float, *, can_be_bad: bool = True) -> Finding:
    """That is to be at least so much: the mean of outcomes 1 and -1, plus 1, over 2."""
    interval = always_valid_share(good, total, alpha=_SHARE_OF_ALPHA)
    return _finding(Versus(good, 0, total - good), 2 * least - 1, good, interval, can_be_bad=can_be_bad)


def _failed(failures: float, total: float, most: float) -> Finding:
    """That is to be at most so much."""
    answered = _share(total - failures, total, 1 - most)
    low, high = answered.interval
    value = None if answered.value is None else 1 - answered.value
    return answered._replace(value=value, interval=Interval(1 - high, 1 - low))


def _finding(outcomes: Versus, least: float, sum_of: float, interval: Interval, *, can_be_bad: bool = True) -> Finding:
    """Of outcomes whose mean is to be at least so much."""

    def state(times: float) -> State:
        plus, zero, minus = (times * count for count in outcomes)
        if surely_at_least(plus, zero, minus, least, _SHARE_OF_ALPHA):
            return "good"
        return "bad" if can_be_bad and surely_at_least(minus, zero, plus, -least, _SHARE_OF_ALPHA) else "open"

    images, now = outcomes.images, state(1.0)
    if not images:
        return Finding(0.0, None, interval, now, None)
    more = _times_more(state) if now == "open" else None
    return Finding(images, sum_of / images, interval, now, None if more is None else more * images)


def _times_more(state: Callable[[float], State]) -> float | None:
    """How many times as many images are missing, if all goes on as so far; None where a thousand do not decide."""
    low, high = 1.0, _MOST_TIMES
    if state(high) == "open":
        return None
    while high / low > _STEP:
        middle = (low * high) ** 0.5
        low, high = (middle, high) if state(middle) == "open" else (low, middle)
    return high - 1
