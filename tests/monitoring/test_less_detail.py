"""Replicas that show less than they count: Prometheus makes the same of sums, and nothing of what is not there."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pytest
from support.figures_of_rules import constants, counters, passes, unit_test
from support.less_detail import shown
from support.recorded_figures import Counts, Figures, expected_figures, random_counts, series
from support.recorded_traffic import expected_traffic_figures, random_traffic, traffic_gauges, traffic_series

from groupnl.metrics import Detail

pytestmark = pytest.mark.slow

GROUPS = ["groupnl_agreement", "groupnl_twin", "groupnl_truth", "groupnl_long"]
TRAFFIC_GROUPS = [f"groupnl_{name}" for name in ("agreement", "truth", "traffic", "candidate", "long", "estimate")]
OF_ALL_ANSWERS = ("candidate", "class", "predicted", "archives")  # figures, by a part of their names


def cells_of_pairs(record: str) -> bool:
    return record.startswith("model_corruption_severity:") and "looks" not in record


def replicas(given: Iterable[tuple[str, float]], *details: Detail) -> list[tuple[str, float]]:
    """Each of them has counted all that is given."""
    known = [*given]
    return [each for place, detail in enumerate(details) for each in shown(known, detail, f"{place}:1")]


def doubled(counts: Counts) -> Counts:
    """What two have counted; the images of their probe sets are the same."""
    answers, right, images = counts.probe
    return counts._replace(
        pairs=_twice(counts.pairs),
        flips=_twice(counts.flips),
        in_group=_twice(counts.in_group),
        sampled=2 * counts.sampled,
        dropped=2 * counts.dropped,
        outcomes={name: tuple(2 * number for number in numbers) for name, numbers in counts.outcomes.items()},
        probe=(2 * answers, 2 * right, images),
    )


def _twice(numbers: Mapping[str, int]) -> dict[str, int]:
    return {name: 2 * number for name, number in numbers.items()}


def without(figures: Figures) -> Figures:
    """Nothing is recorded under these names."""
    return {record: {} for record in figures}


def test_agreement_twin_and_truth(tmp_path: Path) -> None:
    counts = random_counts(1)
    whole, twice = expected_figures(counts), expected_figures(doubled(counts))
    cells = {record: of for record, of in whole.items() if cells_of_pairs(record)}
    assert len(cells) == 12
    expected: Sequence[tuple[Figures, tuple[Detail, ...]]] = [
        (whole | without(cells), ("corruptions",)),
        (twice | cells, ("cells", "corruptions")),
        (whole, ("cells", "answers")),
        (without(whole), ("answers",)),
    ]
    tests = [
        unit_test(place, "2h", figures, counters(replicas(series(counts), *details)))
        for place, (figures, details) in enumerate(expected)
    ]
    passes(tmp_path, GROUPS, tests)


def test_traffic_and_late_labels(tmp_path: Path) -> None:
    traffic = random_traffic(1)
    whole = expected_traffic_figures(traffic)
    robustness = {record: of for record, of in whole.items() if not any(part in record for part in OF_ALL_ANSWERS)}
    assert len(robustness) > 50
    expected: Sequence[tuple[Figures, tuple[Detail, ...]]] = [
        (whole, ("corruptions",)),
        (robustness, ("cells", "answers")),
        (without(robustness), ("answers",)),
    ]
    tests = [
        unit_test(
            place,
            "8m",
            figures,
            [
                *counters(replicas(traffic_series(traffic), *details)),
                *constants(replicas(traffic_gauges(traffic), *details)),
            ],
        )
        for place, (figures, details) in enumerate(expected)
    ]
    passes(tmp_path, TRAFFIC_GROUPS, tests)
