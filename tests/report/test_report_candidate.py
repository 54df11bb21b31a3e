"""groupnl report: a candidate beside the model, and what labels that came later say."""

import re
from html import unescape

import pytest
from prometheus_client import CollectorRegistry
from support.reported import count_cells, samples_of
from support.reported_traffic import count_expected, count_looks, count_ranks, expect, labels_of

from groupnl.corruptions.names import Cell
from groupnl.metrics import (
    BUILD_INFO,
    CANDIDATE_AGREES,
    CANDIDATE_DISAGREEMENTS,
    CANDIDATE_FAILURES,
    CANDIDATE_HOLDS,
    CANDIDATE_IMAGES,
    CANDIDATE_RIGHT,
    CANDIDATE_SECONDS,
    CLEAN,
    HOLD_OUTCOMES,
    LABEL_DELAY_SECONDS,
    LATE_CANDIDATE_RIGHT,
    LATE_LABELLED,
    LATE_LABELLED_CORRECT,
    LATE_LABELS,
    REQUESTS,
    RIGHT_OUTCOMES,
    Metrics,
)
from groupnl.report.candidate import SHOWN, Candidate
from groupnl.report.figures import ModelFigures, figures_of
from groupnl.report.markup import duration
from groupnl.report.page import page

NEW = {"candidate": "new"}


def _counts() -> tuple[Metrics, CollectorRegistry]:
    registry = CollectorRegistry()
    metrics = Metrics("m", registry)
    metrics.inc(REQUESTS, 5, code="200")
    count_cells(metrics)
    return metrics, registry


def _words(figures: ModelFigures) -> str:
    body = page([figures], "s", "p", "t").split("<body>")[1]
    spaced = re.sub(r"</?(?:p|td|th|tr|h\d|small)\b[^>]*>", " ", body)
    return " ".join(unescape(re.sub(r"<[^>]*>", "", spaced)).split())


def _count_candidate(metrics: Metrics) -> None:
    for family, count in ((CANDIDATE_IMAGES, 1000), (CANDIDATE_AGREES, 900), (CANDIDATE_FAILURES, 10)):
        metrics.inc(family, count, **NEW)
    for ours, theirs, count in (("cat", "dog", 30), ("dog", "cat", 50), ("other", "other", 8)):
        metrics.inc(CANDIDATE_DISAGREEMENTS, count, model_class=ours, candidate_class=theirs, **NEW)
    for place in range(12):
        metrics.inc(CANDIDATE_DISAGREEMENTS, 1, model_class="cow", candidate_class=f"calf {place}", **NEW)
    for outcome, count in zip(HOLD_OUTCOMES, (600, 100, 200, 100), strict=True):
        metrics.inc(CANDIDATE_HOLDS, count, corruption="fog", outcome=outcome, **NEW)
    for network, seconds in (("model", 0.004), ("candidate", 0.2)):
        metrics.observe(CANDIDATE_SECONDS, seconds, network=network, **NEW)


def _candidate(figures: ModelFigures) -> Candidate:
    (candidate,) = figures.candidates
    return candidate


def test_what_is_known_of_a_candidate_is_told() -> None:
    metrics, registry = _counts()
    _count_candidate(metrics)
    figures = figures_of(samples_of(registry), "m")
    candidate = _candidate(figures)
    assert (candidate.agrees.value, candidate.failed.value) == (0.9, pytest.approx(10 / 1010))
    assert candidate.holds.overall.verdict == "reference"
    assert candidate.right is None
    words = _words(figures)
    assert "Over 1,000 live images new gave the same best class as m in 90 %" in words
    assert "To 10 of 1,010 images it had no answer (1.0 %)." in words
    assert "new holds better than m on this traffic" in words
    assert "Which of the two is more often right is not known" in words
    assert "groupnl gate --model m --candidate new with the address that this page was read from" in words


def test_the_most_frequent_differences_come_first_and_the_others_are_added_up() -> None:
    metrics, registry = _counts()
    _count_candidate(metrics)
    figures = figures_of(samples_of(registry), "m")
    candidate = _candidate(figures)
    assert [pair[:2] for pair in candidate.disagreements[:2]] == [("dog", "cat"), ("cat", "dog")]
    assert len(candidate.disagreements) == SHOWN
    assert candidate.others == 8 + 12 - (SHOWN - 2)
    assert "dog cat 50 50 % cat dog 30 30 %" in _words(figures)
    assert "all others 12 12 %" in _words(figures)


def test_who_is_right_is_told_of_all_labels_soon_or_late() -> None:
    metrics, registry = _counts()
    _count_candidate(metrics)
    for family in (CANDIDATE_RIGHT, LATE_CANDIDATE_RIGHT):
        for outcome, count in zip(RIGHT_OUTCOMES, (300, 20, 80, 100), strict=True):
            metrics.inc(family, count, outcome=outcome, **NEW)
    figures = figures_of(samples_of(registry), "m")
    right = _candidate(figures).right
    assert right is not None
    assert (right.model.value, right.candidate.value) == (0.64, 0.76)
    of_window = _candidate(figures_of(samples_of(registry), "m", since="24h")).right
    assert of_window is not None
    assert right.interval.low < of_window.interval.low < 0.12 < of_window.interval.high < right.interval.high
    words = _words(figures)
    assert "Of 1,000 images of known class m was right in 64 % and new in 76 %: +12.0 points (" in words
    assert "for new. The interval may be looked at any time." in words
    assert "right, of known class 64 %" in words


def test_a_candidate_that_has_answered_nothing() -> None:
    metrics, registry = _counts()
    metrics.inc(CANDIDATE_FAILURES, 1, **NEW)
    words = _words(figures_of(samples_of(registry), "m"))
    assert "No image has yet been answered by both m and new. To 1 of 1 image it had no answer (100.0 %)." in words


def test_late_labels_are_told_beside_what_was_estimated() -> None:
    metrics, registry = _counts()
    expect(metrics)
    count_looks(metrics, 500, {None: 1.0})
    count_ranks(metrics, 100)
    count_expected(metrics, 20)
    for outcome, count in (("joined", 300), ("unknown", 1), ("refused", 2)):
        metrics.inc(LATE_LABELS, count, outcome=outcome)
    for cell, answers, right in ((None, 300, 240), (Cell("fog", 2), 40, 10)):
        metrics.inc(LATE_LABELLED, answers, **labels_of(cell))
        metrics.inc(LATE_LABELLED_CORRECT, right, **labels_of(cell))
    for seconds in (*[500] * 50, *[3000] * 50):
        metrics.observe(LABEL_DELAY_SECONDS, seconds)  # in the steps up to 10 and to 60 minutes
    words = _words(figures_of(samples_of(registry), "m"))
    assert "Of 300 live images whose class was told later, the answer was right in 80 % (75 to 84 %)" in words
    assert "half of the labels came within 10.0 min, 95 % within 60.0 min." in words
    for _ in range(300):
        metrics.observe(LABEL_DELAY_SECONDS, 30 * 86400)
    later = _words(figures_of(samples_of(registry), "m"))
    assert "half of the labels came later than is counted, 95 % later than is counted." in later
    assert "1 label came for answers that the service no longer, or never, knew; 2 were refused." in words
    assert re.search(r"none 80 % 75 to 84 % 300 60 % \(\d+ to \d+ %\) fog 25 % 14 to 40 % 40 50 % \(", words)


def test_labels_of_which_none_could_be_joined() -> None:
    metrics, registry = _counts()
    metrics.inc(LATE_LABELS, 3, outcome="unknown")
    assert "No label that came later could be joined to an answer yet." in _words(figures_of(samples_of(registry), "m"))


def test_what_nobody_uses_is_not_shown() -> None:
    metrics, registry = _counts()
    metrics.start_at_zero(LATE_LABELS)
    metrics.start_at_zero(LATE_LABELLED, **{name: [value] for name, value in CLEAN.items()})
    figures = figures_of(samples_of(registry), "m")
    assert (figures.candidates, figures.late) == ([], None)


def test_traffic_of_several_archives_is_beside_no_held_back_images() -> None:
    metrics, registry = _counts()
    expect(metrics)
    count_looks(metrics, 500, {Cell("fog", 3): 1.0})
    for archive in ("a" * 64, "b" * 64):
        labels = {"version": "1.0", "arch": "n", "engine": "e", "precision": "p", "torch": "2"}
        metrics.set(BUILD_INFO, 1, archive_sha256=archive, **labels)
    figures = figures_of(samples_of(registry), "m")
    assert (figures.traffic, figures.estimate) == (None, None)
    words = _words(figures)
    assert "2 archives answered as m in this time" in words
    assert "groupnl traffic" not in words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.0042, "4 ms"), (1.5, "1.5 s"), (600, "10.0 min"), (7200, "2.0 h"), (7 * 86400, "7.0 days")],
)
def test_times_are_readable(seconds: float, words: str) -> None:
    assert " ".join(duration(seconds).split()) == words
