"""Traffic that is no longer like the held-back images: what would be said of its accuracy, and what withdraws it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from groupnl.corruptions.names import Cell
from groupnl.metrics import CONFIDENCE, ENTROPY, TRAFFIC_RANK
from groupnl.traffic.calibration import calibrated
from groupnl.traffic.drift import BROKEN_ANSWER_MARGIN, Gap, gap_noise, largest_gap
from groupnl_studies.live_vs_offline.answers import Answers, Kind
from groupnl_studies.live_vs_offline.estimators import HeldBackAnswers, certainty, confidence
from groupnl_studies.live_vs_offline.judging import halves

WINDOW = "1h"  # whose limits are applied

Numbers = NDArray[np.floating]


class Looked(NamedTuple):
    """One kind of traffic, all of it so.

    Attributes:
        kind: what it is.
        accuracy: by labels.
        estimate: mean calibrated confidence of the live answers: what is said without labels.
        pixels: the gap of the pixels' statistic that has the largest.
        answers: the larger of the gaps of confidence and entropy.
    """

    kind: Kind
    accuracy: float
    estimate: float
    pixels: Gap
    answers: Gap

    @property
    def withdrawn(self) -> bool:
        """Whether the estimate is withdrawn."""
        return self.answers.beyond > BROKEN_ANSWER_MARGIN


def look(answers: Answers, seed: int) -> Iterator[Looked]:
    """Each kind of traffic in turn: half of the images are held back, the others come so."""
    held, traffic = next(halves(len(answers.labels), 1, seed))
    held_back = HeldBackAnswers(answers.clean[held], answers.labels[held])
    usual, noise = answers.clean[held].softmax(dim=1), gap_noise(WINDOW, len(traffic), len(held))
    before = answers.statistics[None][held.numpy()].T
    for kind, logits in answers.logits.items():
        seen = logits[traffic].softmax(dim=1)
        now = answers.statistics[kind][traffic.numpy()].T
        pixels = max(_gap(one, other, _even(other)) for one, other in zip(now, before, strict=True))
        of_confidence = _gap(confidence(seen).numpy(), confidence(usual).numpy(), CONFIDENCE.buckets)
        of_entropy = _gap(_entropy(seen), _entropy(usual), ENTROPY.buckets)
        yield Looked(
            kind,
            float(answers.right(kind)[traffic].double().mean()),
            float(confidence(calibrated(seen, held_back.temperature)).mean()),
            Gap(pixels, noise),
            Gap(max(of_confidence, of_entropy), noise),
        )


def _entropy(probabilities: Tensor) -> Numbers:
    """Over the most that it can be, 0 to 1."""
    return np.asarray(-certainty(probabilities) / np.log(probabilities.shape[1]))


def _even(values: Numbers) -> Sequence[float]:
    """Bounds between which equally many lie, as the ranks' buckets have them."""
    return [float(bound) for bound in np.quantile(values, TRAFFIC_RANK.buckets)]


def _gap(now: Numbers, before: Numbers, bounds: Sequence[float]) -> float:
    observed, expected = ([float((values <= bound).mean()) for bound in bounds] for values in (now, before))
    return largest_gap(observed, expected)


def broken_table(models: Mapping[str, Answers], seed: int) -> str:
    """Markdown: clean and broken traffic, a line for each model and kind."""
    head = ("model", "traffic", "accuracy", "estimate", "pixels' gap beyond chance", "answers'", "withdrawn")
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for model, answers in models.items():
        lines += [f"| {model} | {_line(found)} |" for found in look(answers, seed) if _is_broken(found.kind)]
    return "\n".join(lines)


def _is_broken(kind: Kind) -> bool:
    """Or clean, to compare with; nothing is left to see of an image at contrast 5."""
    return not isinstance(kind, Cell) or kind == Cell("contrast", 5)


def _line(found: Looked) -> str:
    kind = found.kind or "clean"
    name = kind if isinstance(kind, str) else f"{kind.corruption} {kind.severity}"
    gaps = f"{found.pixels.beyond:.2f} | {found.answers.beyond:.2f}"
    return f"{name} | {found.accuracy:.3f} | {found.estimate:.3f} | {gaps} | {'yes' if found.withdrawn else 'no'}"


def withdrawal_lines(models: Mapping[str, Answers], seed: int) -> str:
    """How the estimate of the live accuracy errs on traffic that is all in one cell, where it stays and where not."""
    lines = []
    for model, answers in models.items():
        of_cells = [found for found in look(answers, seed) if isinstance(found.kind, Cell)]
        for withdrawn, words in ((False, "stays"), (True, "is withdrawn")):
            errors = [abs(found.estimate - found.accuracy) for found in of_cells if found.withdrawn == withdrawn]
            if errors:
                said = f"mean abs. error {np.mean(errors):.3f}, largest {max(errors):.3f}"
                lines.append(f"{model}: the estimate {words} in {len(errors)} of {len(of_cells)} cells, {said}.")
    return "\n".join(lines)
