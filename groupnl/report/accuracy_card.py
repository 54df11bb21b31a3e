"""The card of accuracy: estimated without labels, found on the probe set, and the band between the two."""

from groupnl.report.charts import accuracy_chart
from groupnl.report.estimate import Estimate
from groupnl.report.figures import ModelFigures
from groupnl.report.markup import card, estimated, percent
from groupnl.report.tables import estimate_table, truth_table
from groupnl.report.traffic import Calibration
from groupnl.report.traffic_words import broken_sentence
from groupnl.report.words import probe_set_words, truth_sentence

_ESTIMATED = (
    "Diamonds: estimated without labels, by how sure the model is of the clean image that its answer is the right one; "
    "held-back images have calibrated that. The interval knows chance, and how far such estimates were off on "
    "held-back images under the corruptions; of other traffic nobody has measured it. An image that comes again and "
    "again counts once: what clients meet is another share where few images are asked for often. "
    "Labels tell more: X-Label, or POST /labels. "
)
_PROBE = (
    "Dots: accuracy on the archive's labelled images, which are replayed in idle time, with 95 % interval. "
    "Shaded: where it must lie by the live pairs, as far as live images resemble the probe set: the interval of "
    "the clean accuracy (dashed), widened by the most that can have flipped. Traffic need not resemble it: on "
    "easier or harder images accuracy lies elsewhere. An image counts once in an interval, however often it was "
    "replayed and at however many severities. About one of the nineteen intervals misses the truth."
)


def accuracy_card(figures: ModelFigures) -> str:
    """What is known of the accuracy; empty where nothing is."""
    truth, estimate = figures.probe, figures.estimate
    if truth is None and estimate is None:
        return ""
    sentences = [f"{truth_sentence(truth, probe_set_words(truth))}"] if truth is not None else []
    shown = estimate if estimate is not None and not estimate.withdrawn else None
    if estimate is not None:
        sentences.insert(0, estimate_sentence(estimate))
    if figures.traffic is not None and figures.traffic.calibration is not None:
        sentences.append(_calibration_sentence(figures.traffic.calibration))
    content = "".join(f"<p>{told}</p>" for told in sentences)
    if truth is not None or shown is not None:
        content += accuracy_chart(figures, truth, shown)
    if shown is not None:
        content += estimate_table(figures, shown)
    if truth is not None:
        content += truth_table(figures, truth)
    title = "Truth beside the label-free band" if estimate is None else "How accurate is the model?"
    return card(title, content, (_ESTIMATED if shown is not None else "") + (_PROBE if truth is not None else ""))


def _calibration_sentence(calibration: Calibration) -> str:
    served, other = (percent(error) for error in calibration[:2])
    how = (
        f"the archive's own would be off by {other}"
        if calibration.is_calibrated
        else f"calibrated ones (<code>calibrated: true</code>) would be by {other}"
    )
    return (
        f"The probabilities that clients get were off by {served} on held-back images (expected calibration error); "
        f"{how}."
    )


def estimate_sentence(estimate: Estimate | None) -> str:
    """The estimate, or why it is withdrawn; empty where there is none."""
    if estimate is None:
        return ""
    if estimate.withdrawn:
        return f"<b>How accurate the model is cannot be estimated now.</b> {broken_sentence(estimate.withdrawn)}"
    return (
        f"Without labels it is estimated that the model answers <b>{estimated(estimate.clean)}</b> of the live images "
        f"rightly, and under the corruptions of the shadow requests {estimated(estimate.overall)}."
    )
