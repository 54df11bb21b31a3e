"""groupnl report: what the traffic is like, first, in an operator's words; when it is silent, and when it gives up."""

import math
import re
from html import unescape
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from support.reported import count_cells, samples_of
from support.reported_traffic import (
    CLEAN_RIGHT,
    LOST,
    count_answers,
    count_expected,
    count_files,
    count_looks,
    count_ranks,
    expect,
    labels_of,
)

from groupnl.corruptions.names import NAMES, Cell
from groupnl.metrics import LABELLED, LABELLED_CORRECT, REQUESTS, TRAFFIC_SIDE_PIXELS, Metrics
from groupnl.report.figures import ModelFigures, figures_of
from groupnl.report.page import page
from groupnl.report.shares import most_between
from groupnl.report.traffic import Traffic
from groupnl.report.traffic_words import LOOKS
from groupnl.traffic.drift import (
    ANSWER_MARGIN,
    BROKEN_ANSWER_MARGIN,
    CLASS_MARGIN,
    LEAST_IMAGES,
    SHARE_MARGIN,
    STATISTIC_MARGIN,
)

BLURRED = {None: 0.88, Cell("motion_blur", 3): 0.12}


def _figures(
    images: float = 2000,
    mixture: dict[Cell | None, float] | None = None,
    since: str | None = None,
    cats: int = 520,
    dogs: int = 310,
    labels: int = 0,
    **lowest: float,
) -> ModelFigures:
    registry = CollectorRegistry()
    metrics = Metrics("m", registry)
    metrics.inc(REQUESTS, 5, code="200")
    count_cells(metrics)
    expect(metrics)
    count_looks(metrics, images, mixture or {None: 1.0})
    count_ranks(metrics, 500, **lowest)
    count_answers(metrics, cats=cats, dogs=dogs)
    count_files(metrics)
    count_expected(metrics, 20)
    for cell in (None, Cell("fog", 1)) if labels else ():
        metrics.inc(LABELLED, labels, **labels_of(cell))
        metrics.inc(LABELLED_CORRECT, 0.75 * labels, **labels_of(cell))
    return figures_of(samples_of(registry), "m", since=since)


def _traffic(figures: ModelFigures) -> Traffic:
    assert figures.traffic is not None
    return figures.traffic


def _words(figures: ModelFigures) -> str:
    """The page's text."""
    body = page([figures], "s", "p", "t").split("<body>")[1]
    spaced = re.sub(r"</?(?:p|td|th|tr|span|h\d|small|svg|text)\b[^>]*>", " ", body)
    return " ".join(unescape(re.sub(r"<[^>]*>", "", spaced)).split())


def test_a_corruption_is_named_with_its_share_its_interval_and_what_it_costs() -> None:
    figures = _figures(mixture=BLURRED, since="6h")
    (told,) = _traffic(figures).mixture.told
    assert told.corruption == "motion_blur"
    assert told.share.value == pytest.approx(0.12, abs=0.01)
    assert told.share.low < 0.12 < told.share.high
    assert told.severity == pytest.approx(3, abs=0.01)
    assert told.cost == pytest.approx(3 * LOST)
    assert re.search(
        r"\d+ % \(\d+ to \d+ %\) of the last 6 h look motion-blurred; held-back images that were so cost the model "
        r"9 points of accuracy\.",
        _words(figures),
    )


def test_drift_comes_first_accuracy_second_agreement_third() -> None:
    words = _words(_figures(mixture=BLURRED))
    assert "m 12 % motion-blurred 60 %" in words
    places = [
        words.index(told)
        for told in (
            "of the live images look motion-blurred",
            "Without labels it is estimated",
            "answered again under one corruption",
            "What is the traffic like?",
            "How accurate is the model?",
            "Did the answer stay?",
            "Shadow requests",
        )
    ]
    assert places == sorted(places)


def test_clean_traffic_is_told_to_be_as_expected() -> None:
    figures = _figures()
    traffic = _traffic(figures)
    assert (traffic.mixture.told, traffic.drifted, traffic.broken) == ([], [], [])
    assert traffic.mixture.clean is not None
    assert traffic.mixture.clean.value == pytest.approx(1.0, abs=0.01)
    words = _words(figures)
    assert "The traffic looks as expected: in 2,000 live images that were looked at no corruption is found" in words
    assert "(a gap of 14 % in answers would be told)" in words  # 5 %, and 1.7 * sqrt(1 / 500 + 1 / 1000)
    assert "look motion-blurred" not in words
    assert traffic.mixture.told_from < 0.1


def test_expected_accuracy_is_that_of_held_back_images_of_such_a_mixture() -> None:
    mixture = _traffic(_figures(mixture={Cell("fog", 5): 0.5, None: 0.5})).mixture
    assert mixture.accuracy is not None
    assert mixture.clean_accuracy == CLEAN_RIGHT
    assert mixture.accuracy.value == pytest.approx(CLEAN_RIGHT - 0.5 * 5 * LOST, abs=0.01)
    assert mixture.accuracy.low < mixture.accuracy.value < mixture.accuracy.high
    assert mixture.agreement is not None
    assert mixture.agreement.value == pytest.approx(1 - 0.5 * 0.25, abs=0.01)


def test_few_images_say_nothing() -> None:
    figures = _figures(images=49, mixture={Cell("fog", 5): 1.0}, brightness=1.0)
    traffic = _traffic(figures)
    assert (traffic.mixture.told, traffic.drifted, figures.estimate) == ([], [], None)
    words = _words(figures)
    assert (
        "Only 49 live images have been looked at yet: too few to say what the traffic is like (50 are needed)" in words
    )
    assert "too few images -" in words  # in the table of all models
    assert "it is estimated" not in words


def test_no_image_yet() -> None:
    assert "No live image has been looked at yet: too few" in _words(_figures(images=0))


def test_repeats_of_one_image_are_told_though_few_images_are_looked_at() -> None:
    figures = _figures(images=1, dogs=9000)
    figures = figures._replace(repeated={"similar": 8000.0, "same": 999.0})
    words = _words(figures)
    assert "(50 are needed); 8,999 more looked like one seen lately, and were passed over." in words
    assert "Other classes are predicted than of held-back images" in words
    assert "m other classes" in words


@pytest.mark.parametrize("mixture", [{None: 1.0}, {Cell("contrast", 2): 1.0}])
def test_what_is_expected_has_a_condition_where_answers_are_unlike(mixture: dict[Cell | None, float]) -> None:
    caution = "holds only if one of the nineteen corruptions is all that happened"
    assert caution not in _words(_figures(mixture=mixture, brightness=0.9))
    assert caution in _words(_figures(mixture=mixture, confidence=0.9))


def test_drift_without_a_corruption_is_told_by_its_side() -> None:
    figures = _figures(brightness=0.5, confidence=0.1)
    assert [each.name for each in _traffic(figures).drifted] == ["brightness"]
    words = _words(figures)
    assert "Live images are darker than held-back ones." in words
    assert "as expected:" not in words
    assert figures.estimate is not None
    assert figures.estimate.withdrawn == []


def test_the_estimate_of_accuracy_is_shown_beside_band_and_truth() -> None:
    figures = _figures()
    estimate = figures.estimate
    assert estimate is not None
    assert (estimate.clean.value, estimate.overall.value) == (pytest.approx(0.6), pytest.approx(0.5))
    assert estimate.by_corruption.keys() == set(NAMES)
    words = _words(figures)
    assert "An image that comes again and again counts once" in words
    assert re.search(r"the model answers 60 % \(\d+ to \d+ %\) of the live images rightly", words)
    assert re.search(r"fog 50 % \(\d+ to \d+ %\) 25 % \(11 to 47 %\) 19 % to 100.0 %", words)
    assert 'class="estimate"' in page([figures], "s", "p", "t")


def test_it_is_told_how_honest_confidence_is() -> None:
    assert (
        "The probabilities that clients get were off by 12 % on held-back images (expected calibration error); "
        "calibrated ones (calibrated: true) would be by 7 %."
    ) in _words(_figures())


def test_the_estimate_is_shown_beside_what_clients_told() -> None:
    figures = _figures(labels=40)
    assert re.search(r"none 75 % 60 to 86 % 40 60 % \(\d+ to \d+ %\) fog 75 % 60 to 86 % 40 50 % \(", _words(figures))
    assert re.search(r"right, estimated 60 % \d+ to \d+ %, without labels", _words(figures))


def test_the_estimate_is_withdrawn_where_the_traffic_is_broken() -> None:
    figures = _figures(brightness=0.9, confidence=0.9)
    assert [each.name for each in _traffic(figures).broken] == ["brightness", "confidence"]
    content = page([figures], "s", "p", "t")
    assert "How accurate the model is cannot be estimated now" in content
    assert "Live images are darker and answered less surely than held-back ones: on such images a model " in content
    assert 'class="estimate"' not in content
    words = _words(figures)
    assert "60 % (" not in words
    assert "fog 25 % 11 to 47 %" in words  # the probe set's truth stays


def test_other_classes_are_told() -> None:
    figures = _figures(cats=9)
    classes = _traffic(figures).classes
    assert classes is not None
    assert classes.gap is None  # of 489 answers
    assert "Other classes are predicted" not in _words(figures)
    figures = _figures(cats=9000)
    assert "Other classes are predicted than of held-back images" not in _words(figures)  # of 0.45 at most, all cats
    classes = _traffic(figures).classes
    assert classes is not None
    assert classes.gap is not None
    assert classes.gap.size == pytest.approx(9000 / 9480 - 0.5)
    assert [each.name for each in classes.shares] == ["cat", "dog", "other"]


def test_confidence_and_files() -> None:
    figures = _figures()
    (confidence,) = _traffic(figures).answers
    assert (confidence.name, confidence.live) == ("confidence", pytest.approx(0.51))
    assert confidence.expected == pytest.approx(0.5)
    assert confidence.gap == pytest.approx(0.01)
    words = _words(figures)
    assert re.search(r"confidence 51 % 50 % 1(\.0)? %", words)
    assert "JPEG 90 % PNG 10 % with EXIF 20 %" in words
    assert "longer side of 90 %, pixels 481 to 640 JPEG quality of 90 % 86 to 90" in words


@pytest.mark.parametrize(
    ("sides", "between"),
    [([20], (0, 32)), ([*[64] * 95, *[5000] * 5], (32, 64)), ([*[64] * 94, *[9000] * 6], (32, math.inf)), ([], None)],
)
def test_most_of_a_histogram_is_told_in_whole_buckets(sides: list[float], between: tuple[float, float] | None) -> None:
    metrics = Metrics("m", registry := CollectorRegistry())
    for side in sides:
        metrics.observe(TRAFFIC_SIDE_PIXELS, side)
    assert most_between(samples_of(registry), TRAFFIC_SIDE_PIXELS, 0.9, model="m") == between


def test_without_a_record_one_sentence_says_how_to_get_one() -> None:
    registry = CollectorRegistry()
    metrics = Metrics("m", registry)
    metrics.inc(REQUESTS, 5, code="200")
    count_cells(metrics)
    figures = figures_of(samples_of(registry), "m")
    assert (figures.traffic, figures.estimate) == (None, None)
    content = page([figures], "s", "p", "t")
    assert content.count("<code>groupnl traffic</code>") == 1
    assert "What is the traffic like?" not in content
    assert "Truth beside the label-free band" in content


def test_the_docs_tell_the_limits() -> None:
    told = (Path(__file__).parents[2] / "docs" / "report.md").read_text(encoding="utf-8")
    for words, share in (
        ("surely above {} %", SHARE_MARGIN),
        ("among held-back ones. The bars are all alike where nothing has changed | a gap above {} %", STATISTIC_MARGIN),
        ("which pixels do not | a gap above {} %", ANSWER_MARGIN),
        ("confidence or entropy is further than {} %", BROKEN_ANSWER_MARGIN),
    ):
        assert words.format(f"{100 * share:g}") in told
    assert CLASS_MARGIN == 0.5
    assert f"fewer than {LEAST_IMAGES} images" in told


def test_every_corruption_has_its_words() -> None:
    assert LOOKS.keys() == set(NAMES)
    assert len(set(LOOKS.values())) == len(NAMES)
