"""Estimates without labels beside the truth: half of the images are held back with labels, the others are traffic."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from groupnl.corruptions.names import NAMES, Cell
from groupnl.traffic.estimated import expected_accuracy
from groupnl_studies.live_vs_offline.answers import Answers
from groupnl_studies.live_vs_offline.estimators import ESTIMATORS, NAIVE, POSTERIOR, HeldBackAnswers, Unlabelled

PAIRS = (25, 100, 250)  # of a cell, whose interval is looked at


class Judged(NamedTuple):
    """One estimate.

    Attributes:
        model: whose accuracy.
        split: number of the division into held-back images and traffic.
        cell: of the corruption.
        estimator: of `ESTIMATORS`.
        estimate: 0 to 1.
        truth: accuracy of the same answers by their labels.
    """

    model: str
    split: int
    cell: Cell
    estimator: str
    estimate: float
    truth: float

    @property
    def error(self) -> float:
        """Estimate less truth."""
        return self.estimate - self.truth


class Verdict(NamedTuple):
    """One estimator over models, splits and cells.

    Attributes:
        error: mean absolute error.
        bias: mean error.
        correlation: of estimate and truth over the cells, mean of models and splits; NaN where it is constant.
    """

    error: float
    bias: float
    correlation: float


def halves(images: int, splits: int, seed: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Places of the held-back images and of the traffic, in each split."""
    for split in range(splits):
        order = torch.randperm(images, generator=torch.Generator().manual_seed(seed + split))
        yield order[: images // 2], order[images // 2 :]


def judge(models: Mapping[str, Answers], splits: int, seed: int) -> Iterator[Judged]:
    """Every estimate of each model, split and cell."""
    for model, answers in models.items():
        for split, (held, traffic) in enumerate(halves(len(answers.labels), splits, seed)):
            held_back = HeldBackAnswers(answers.clean[held], answers.labels[held])
            for cell, corrupted in answers.cells.items():
                seen = Unlabelled(answers.clean[traffic], corrupted[traffic], held_back.temperature)
                truth = float((seen.corrupted.argmax(dim=1) == answers.labels[traffic]).double().mean())
                for name, estimator in ESTIMATORS.items():
                    yield Judged(model, split, cell, name, estimator(held_back, seen), truth)


def verdict(judged: Sequence[Judged]) -> Verdict:
    """Of one estimator's estimates."""
    errors = np.array([each.error for each in judged])
    groups: dict[tuple[str, int], list[Judged]] = {}
    for each in judged:
        groups.setdefault((each.model, each.split), []).append(each)
    return Verdict(
        error=float(np.abs(errors).mean()),
        bias=float(errors.mean()),
        correlation=float(np.mean([_correlation(group) for group in groups.values()])),
    )


def _correlation(judged: Sequence[Judged]) -> float:
    estimates, truths = np.array([(each.estimate, each.truth) for each in judged]).T
    if np.ptp(estimates) == 0 or np.ptp(truths) == 0:
        return float("nan")
    return float(np.corrcoef(estimates, truths)[0, 1])


def shown(verdicts: Mapping[str, Verdict]) -> list[str]:
    """Estimators that are better than to say that nothing changes; others are shown to nobody."""
    return [name for name, each in verdicts.items() if name != NAIVE and each.error < verdicts[NAIVE].error]


def covered(models: Mapping[str, Answers], splits: int, seed: int, pairs: int) -> float:
    """The share of cells where the clean posterior's interval, of so many pairs, holds the accuracy of all images."""
    holds, count = 0, 0
    for answers in models.values():
        for held, traffic in halves(len(answers.labels), splits, seed):
            held_back = HeldBackAnswers(answers.clean[held], answers.labels[held])
            few = traffic[:pairs]
            for corrupted in answers.cells.values():
                truth = float((corrupted.argmax(dim=1) == answers.labels).double().mean())
                seen = Unlabelled(answers.clean[few], corrupted[few], held_back.temperature)
                mean = ESTIMATORS[POSTERIOR](held_back, seen)
                found = expected_accuracy(mean * len(few), len(few), len(held))
                holds += found is not None and found.low <= truth <= found.high
                count += 1
    return holds / count


def verdict_table(judged: Sequence[Judged]) -> str:
    """Markdown: a line for each estimator."""
    verdicts = {name: verdict([each for each in judged if each.estimator == name]) for name in ESTIMATORS}
    better = shown(verdicts)
    lines = [
        "| estimate | mean abs. error | bias | r over cells | better than the clean accuracy |",
        "|---|---|---|---|---|",
    ]
    for name, (error, bias, correlation) in verdicts.items():
        said = "" if name == NAIVE else "yes" if name in better else "no"
        r = "-" if np.isnan(correlation) else f"{correlation:.2f}"
        lines.append(f"| {name} | {error:.3f} | {bias:+.3f} | {r} | {said} |")
    return "\n".join(lines)


def corruption_table(judged: Sequence[Judged]) -> str:
    """Markdown: mean absolute error of each estimator, by corruption, with the mean truth."""
    lines = [f"| corruption | true accuracy | {' | '.join(ESTIMATORS)} |", f"|---|---|{'---|' * len(ESTIMATORS)}"]
    for corruption in NAMES:
        rows = [each for each in judged if each.cell.corruption == corruption]
        if not rows:
            continue
        errors = [float(np.mean([abs(each.error) for each in rows if each.estimator == name])) for name in ESTIMATORS]
        best = min(errors)
        cells = [f"**{error:.3f}**" if error == best else f"{error:.3f}" for error in errors]
        lines.append(f"| {corruption} | {np.mean([each.truth for each in rows]):.3f} | {' | '.join(cells)} |")
    return "\n".join(lines)
