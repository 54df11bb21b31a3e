"""Estimates of accuracy without labels, judged on held-back images, read, corrupted and answered as in the service."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import fmean

import torch

from groupnl.base.atomic_file import replacing
from groupnl.base.progress import progress
from groupnl.corruptions.names import Cell
from groupnl.inference.device import choose_device
from groupnl.inference.engines.torch_engine import TorchEngine
from groupnl.models.trained import open_described
from groupnl.validation.offline import read_images
from groupnl_studies.live_vs_offline.answers import Answers, answer, kinds
from groupnl_studies.live_vs_offline.breaking import broken_table, withdrawal_lines
from groupnl_studies.live_vs_offline.judging import PAIRS, Judged, corruption_table, covered, verdict_table

SEED = 0  # of the choice of images, of the corruptions and of the splits


def answer_all(checkpoints: Sequence[Path], data: Path, splits: Sequence[str], images: int) -> dict[str, Answers]:
    """Model -> its answers to all kinds of traffic, computed in float32.

    Args:
        checkpoints: of one input and the same classes.
        data: image folders by split.
        splits: of these.
        images: a random part of so many.
    """
    opened = [open_described(path) for path in checkpoints]
    device = choose_device("auto")
    engines = [TorchEngine(trained.network, trained.input, device, torch.float32) for trained, _ in opened]
    held_back = read_images(data, splits, opened[0][1], images, SEED)
    with progress(total=len(kinds()) * len(held_back.keys), unit="images", title="answers") as bar:
        found = answer(engines, held_back, seed=SEED, progress=bar.update)
    return {path.stem: answers for path, answers in zip(checkpoints, found, strict=True)}


def tables(models: Mapping[str, Answers], judged: Sequence[Judged], divisions: int) -> str:
    """What the estimates came to, in Markdown.

    Args:
        models: of `answer_all`.
        judged: of all their estimates.
        divisions: how often the images were divided into held-back ones and traffic.
    """
    held = "\n".join(
        f"The clean posterior's interval of {pairs} pairs holds the accuracy in "
        f"{covered(models, divisions, SEED, pairs):.1%} of the cells."
        for pairs in PAIRS
    )
    parts = (verdict_table(judged), corruption_table(judged), held, broken_table(models, SEED))
    return "\n\n".join((*parts, withdrawal_lines(models, SEED)))


def write_estimates(judged: Iterable[Judged], path: Path) -> None:
    """One line for each model, cell and estimator: means over the divisions, shares with four digits."""
    rows: dict[tuple[str, Cell, str], list[Judged]] = {}
    for each in judged:
        rows.setdefault((each.model, each.cell, each.estimator), []).append(each)
    with replacing(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("model", "corruption", "severity", "estimator", "estimate", "truth", "mean_abs_error"))
        for (model, cell, estimator), found in rows.items():
            means = (
                fmean(each.estimate for each in found),
                fmean(each.truth for each in found),
                fmean(abs(each.error) for each in found),
            )
            writer.writerow((model, *cell, estimator, *(f"{mean:.4f}" for mean in means)))
