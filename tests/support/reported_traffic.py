"""What a service has counted of its traffic, for the report's tests: held-back images, and live ones like a mixture."""

from collections.abc import Mapping

import numpy as np
from support.offline_record import offline_record

from groupnl.corruptions.names import CELLS, Cell
from groupnl.metrics import (
    CALIBRATION_ERROR,
    CANDIDATE_DISAGREEMENTS,
    CANDIDATE_HOLDS,
    CANDIDATE_IMAGES,
    CLEAN,
    CONFIDENCE,
    EXPECTED_CONFIDENCE,
    EXPECTED_IMAGES,
    EXPECTED_PREDICTED,
    LATE_LABELLED,
    LATE_LABELLED_CORRECT,
    LATE_LABELS,
    OFFLINE_ACCURACY,
    PREDICTED,
    SHADOW_EXPECTED_CORRECT,
    TRAFFIC_FIGURE_WEIGHT,
    TRAFFIC_FILES,
    TRAFFIC_JPEG_QUALITY,
    TRAFFIC_LOOKS,
    TRAFFIC_RANK,
    TRAFFIC_SHARE_WEIGHT,
    TRAFFIC_SIDE_PIXELS,
    Metrics,
)
from groupnl.robustness.record import RobustnessRecord
from groupnl.traffic.mixture import LOOKS, figure_weights, share_weights

HELD_BACK, CLEAN_RIGHT, LOST = 1000, 0.64, 0.03  # accuracy lost with each severity
STATISTICS = ("brightness", "contrast", "saturation", "sharpness", "noise", "blockiness", "confidence", "entropy")
STEPS = 20
CONFUSION = np.zeros((len(LOOKS), len(LOOKS)), dtype=np.int64)
for place, look in enumerate(LOOKS):
    seen = 985 if look is None else 400 + 100 * look.severity
    CONFUSION[place, place] += seen
    CONFUSION[place, 0] += HELD_BACK - seen
RATES = CONFUSION / HELD_BACK


def labels_of(cell: Cell | None) -> dict[str, str]:
    """The labels of a look or a cell."""
    return dict(CLEAN) if cell is None else {"corruption": cell.corruption, "severity": str(cell.severity)}


def accuracy_of(cell: Cell | None) -> float:
    """Of the held-back images."""
    return CLEAN_RIGHT if cell is None else CLEAN_RIGHT - LOST * cell.severity


def expect(metrics: Metrics) -> None:
    """What a service tells of the held-back images of an archive with a record of them."""
    metrics.set(EXPECTED_IMAGES, HELD_BACK)
    metrics.set(CALIBRATION_ERROR, 0.12, calibrated="no", served="yes")
    metrics.set(CALIBRATION_ERROR, 0.07, calibrated="yes", served="no")
    for corruption, weights in share_weights(CONFUSION).items():
        for looks, weight in weights.items():
            metrics.set(TRAFFIC_SHARE_WEIGHT, weight, corruption=corruption, looks=looks)
    for figure, by_look in figure_weights(CONFUSION, _record()).items():
        for cell, weight in by_look.items():
            metrics.set(TRAFFIC_FIGURE_WEIGHT, weight, figure=figure, **labels_of(cell))
    for cell in LOOKS:
        metrics.set(OFFLINE_ACCURACY, accuracy_of(cell), **labels_of(cell))
    for bound in CONFIDENCE.buckets:
        metrics.set(EXPECTED_CONFIDENCE, bound, le=str(bound))
    for name, share in (("cat", 0.5), ("dog", 0.3)):
        metrics.set(EXPECTED_PREDICTED, share, **{"class": name})


def _record() -> RobustnessRecord:
    right = round(HELD_BACK * CLEAN_RIGHT)
    return offline_record(
        lambda cell: (50 * cell.severity, round(HELD_BACK * accuracy_of(cell))), images=HELD_BACK, clean_correct=right
    )


def count_looks(metrics: Metrics, images: float, mixture: Mapping[Cell | None, float]) -> None:
    """So many images of a mixture, as they look on average."""
    looks = sum(share * RATES[LOOKS.index(cell)] for cell, share in mixture.items())
    for cell, share in zip(LOOKS, np.asarray(looks).tolist(), strict=True):
        metrics.inc(TRAFFIC_LOOKS, images * share, **labels_of(cell))


def count_ranks(metrics: Metrics, images: int, **lowest: float) -> None:
    """So many images, spread evenly but for the share that lies in a statistic's lowest step."""
    for statistic in STATISTICS:
        low = round(images * lowest.get(statistic, 0.0))
        for image in range(images):
            step = 0 if image < low else image % STEPS
            metrics.observe(TRAFFIC_RANK, (step + 0.5) / STEPS, statistic=statistic)


def count_answers(metrics: Metrics, cats: int = 520, dogs: int = 310, others: int = 170) -> None:
    """Live answers with a confidence of 0.51 on average."""
    for name, count in (("cat", cats), ("dog", dogs), ("other", others)):
        metrics.inc(PREDICTED, count, **{"class": name})
    for step in range(100):
        metrics.observe(CONFIDENCE, 0.015 + step / 100)


def count_files(metrics: Metrics) -> None:
    """Nine JPEGs, two with EXIF, and a PNG."""
    for kind, exif, count in (("jpeg", "no", 7), ("jpeg", "yes", 2), ("png", "no", 1)):
        metrics.inc(TRAFFIC_FILES, count, format=kind, exif=exif)
    for _ in range(9):
        metrics.observe(TRAFFIC_JPEG_QUALITY, 88)
        metrics.observe(TRAFFIC_SIDE_PIXELS, 600)


def count_expected(metrics: Metrics, pairs: float, clean: float = 0.6, corrupted: float = 0.5) -> None:
    """So sure were the clean answers to so many pairs in each cell."""
    metrics.inc(SHADOW_EXPECTED_CORRECT, clean * pairs * len(CELLS), **CLEAN)
    for cell in CELLS:
        metrics.inc(SHADOW_EXPECTED_CORRECT, corrupted * pairs, **labels_of(cell))


def count_all(metrics: Metrics) -> None:
    """All that a page can tell beside cells and twin: drifted traffic, labels that came later, a candidate."""
    expect(metrics)
    count_looks(metrics, 1000, {None: 0.8, Cell("elastic_transform", 3): 0.2})
    count_ranks(metrics, 200, brightness=0.5)
    count_answers(metrics)
    count_files(metrics)
    count_expected(metrics, 20)
    metrics.inc(LATE_LABELS, 40, outcome="joined")
    for family in (LATE_LABELLED, LATE_LABELLED_CORRECT):
        for cell in (None, Cell("fog", 1)):
            metrics.inc(family, 40, **labels_of(cell))
    of = {"candidate": "new_es"}
    metrics.inc(CANDIDATE_IMAGES, 100, **of)
    metrics.inc(CANDIDATE_DISAGREEMENTS, 10, model_class="cat", candidate_class="dog", **of)
    metrics.inc(CANDIDATE_HOLDS, 10, corruption="fog", outcome="candidate_only", **of)
