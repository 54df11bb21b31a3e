"""What an archive expects of its traffic, told as gauges that do not change: rules and reports compare with them."""

from collections.abc import Mapping
from pathlib import Path

from groupnl.corruptions import Cell
from groupnl.metrics import (
    CALIBRATION_ERROR,
    EXPECTED_CONFIDENCE,
    EXPECTED_ENTROPY,
    EXPECTED_IMAGES,
    EXPECTED_PREDICTED,
    OTHER_CLASS,
    TRAFFIC_FIGURE_WEIGHT,
    TRAFFIC_SHARE_WEIGHT,
    Metrics,
)
from groupnl.robustness.record import ROBUSTNESS_FILE, read_record
from groupnl.service.shadow.counts import cell_labels
from groupnl.traffic.file import Traffic
from groupnl.traffic.mixture import figure_weights, share_weights
from groupnl.traffic.record import TrafficRecord

_YES_NO = {True: "yes", False: "no"}


def set_expected(metrics: Metrics, traffic: Traffic, model_dir: Path, *, is_calibrated: bool) -> None:
    """Say what held-back images were like, and what a look adds to the shares and figures that follow from looks.

    Args:
        metrics: of the worker.
        traffic: of the archive.
        model_dir: the unpacked archive; where it has no record of robustness there are no figures.
        is_calibrated: whether calibrated probabilities are served.

    Raises:
        ConfigError: the record of robustness cannot be read.
    """
    _set_answers(metrics, traffic.record)
    _set_calibration(metrics, traffic.record, is_calibrated)
    for corruption, weights in share_weights(traffic.confusion).items():
        for look, weight in weights.items():
            metrics.set(TRAFFIC_SHARE_WEIGHT, weight, corruption=corruption, looks=look)
    file = model_dir / ROBUSTNESS_FILE
    if file.exists():
        _set_figures(metrics, figure_weights(traffic.confusion, read_record(file)))


def _set_answers(metrics: Metrics, record: TrafficRecord) -> None:
    metrics.set(EXPECTED_IMAGES, record.images)
    for family, shares in (
        (EXPECTED_CONFIDENCE, record.expected_confidence()),
        (EXPECTED_ENTROPY, record.expected_entropy()),
    ):
        for bound, share in shares.items():
            metrics.set(family, share, le=str(bound))  # as the buckets' own label
    classes = record.expected_predicted()
    others = 1 - sum(record.predicted.values()) / record.images
    for name, share in (classes | {OTHER_CLASS: classes.get(OTHER_CLASS, 0.0) + others}).items():
        metrics.set(EXPECTED_PREDICTED, share, **{"class": name})


def _set_calibration(metrics: Metrics, record: TrafficRecord, is_calibrated: bool) -> None:
    for calibrated, error in ((False, record.ece), (True, record.ece_calibrated)):
        served = calibrated == is_calibrated
        metrics.set(CALIBRATION_ERROR, error, calibrated=_YES_NO[calibrated], served=_YES_NO[served])


def _set_figures(metrics: Metrics, figures: Mapping[str, Mapping[Cell | None, float]]) -> None:
    for figure, weights in figures.items():
        for cell, weight in weights.items():
            metrics.set(TRAFFIC_FIGURE_WEIGHT, weight, figure=figure, **cell_labels(cell))
