"""Live figures of a service against the offline truth of the same model, cell by cell."""

import csv
import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from groupnl.base.atomic_file import replacing
from groupnl.corruptions.names import CELLS, NAMES, Cell
from groupnl.robustness.record import RobustnessRecord
from groupnl.robustness.statistics import distinct, largest_change, wilson_interval

AGREEMENT, ACCURACY, PROBE = FIGURES = ("agreement", "labelled accuracy", "probe accuracy")


class Row(NamedTuple):
    """One live figure of one cell.

    Attributes:
        model: as it is served.
        figure: one of `FIGURES`.
        corruption: its name.
        severity: 1 to 5.
        answered: images behind the live figure.
        live: the figure, 0 to 1.
        low: lower end of its 95 % interval.
        high: upper end.
        offline: the truth, 0 to 1.
    """

    model: str
    figure: str
    corruption: str
    severity: int
    answered: int
    live: float
    low: float
    high: float
    offline: float


class Summary(NamedTuple):
    """One figure of one model over its cells.

    Attributes:
        cells: that have a live figure.
        answered: images behind all of them.
        error: mean absolute difference of live and offline.
        bias: mean difference, live minus offline.
        half_width: mean half width of the intervals.
        coverage: share of cells whose interval holds the truth.
    """

    cells: int
    answered: int
    error: float
    bias: float
    half_width: float
    coverage: float


class Band(NamedTuple):
    """The label-free band around the clean accuracy, over the cells of one model.

    Attributes:
        cells: that have one.
        holds: share of cells where the offline accuracy lies in clean accuracy +- `largest_change`, as it is shown.
        half_width: mean of that half width.
        bare_holds: the same share for +- (1 - live agreement), which leaves out that the agreement is an estimate.
        bare_half_width: mean of that.
        loss: mean of the offline loss of accuracy: what the band bounds.
    """

    cells: int
    holds: float
    half_width: float
    bare_holds: float
    bare_half_width: float
    loss: float


def compare(
    model: str,
    figure: str,
    good: Mapping[Cell, int],
    answered: Mapping[Cell, int],
    truth: Mapping[Cell, float],
    images: float = math.inf,
) -> list[Row]:
    """Set live counts beside the truth; cells without answers are left out.

    Args:
        model: as it is served.
        figure: one of `FIGURES`.
        good: cell -> answers that kept the best class, or were right.
        answered: cell -> answers.
        truth: cell -> the same share offline.
        images: distinct ones in each cell: an image that was answered again does not narrow the interval.
    """
    rows = []
    for cell in CELLS:
        if count := answered.get(cell, 0):
            share, counted = good[cell] / count, distinct(count, images)
            low, high = wilson_interval(share * counted, counted)
            rows.append(Row(model, figure, *cell, count, share, low, high, truth[cell]))
    return rows


def offline_agreement(record: RobustnessRecord) -> dict[Cell, float]:
    """Cell -> share of all images that kept their best class."""
    return {cell: 1 - figures.flips / record.images for cell, figures in record.figures().items()}


def offline_accuracy(record: RobustnessRecord) -> dict[Cell, float]:
    """Cell -> share of all images that were answered rightly."""
    return {cell: figures.correct / record.images for cell, figures in record.figures().items()}


def summarise(rows: Sequence[Row]) -> Summary:
    """The figures of one model and one kind, at least one, in a line."""
    errors = [row.live - row.offline for row in rows]
    return Summary(
        cells=len(rows),
        answered=sum(row.answered for row in rows),
        error=statistics.fmean(abs(error) for error in errors),
        bias=statistics.fmean(errors),
        half_width=statistics.fmean((row.high - row.low) / 2 for row in rows),
        coverage=statistics.fmean(row.low <= row.offline <= row.high for row in rows),
    )


def band(agreement: Sequence[Row], record: RobustnessRecord, clean_accuracy: float) -> Band:
    """Whether the label-free band holds the offline accuracy.

    Args:
        agreement: the rows of a model's live agreement.
        record: the model's.
        clean_accuracy: of the model without corruption, 0 to 1.
    """
    accuracy = offline_accuracy(record)
    losses = [clean_accuracy - accuracy[Cell(row.corruption, row.severity)] for row in agreement]
    shown = [largest_change(round((1 - row.live) * row.answered), row.answered) for row in agreement]
    bare = [1 - row.live for row in agreement]
    return Band(
        cells=len(agreement),
        holds=_held(losses, shown),
        half_width=statistics.fmean(shown),
        bare_holds=_held(losses, bare),
        bare_half_width=statistics.fmean(bare),
        loss=statistics.fmean(losses),
    )


def _held(losses: Sequence[float], widths: Sequence[float]) -> float:
    return statistics.fmean(abs(loss) <= width for loss, width in zip(losses, widths, strict=True))


def write_csv(rows: Iterable[Row], path: Path) -> None:
    """One line for each row, shares with four digits."""
    with replacing(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(Row._fields)
        writer.writerows([f"{value:.4f}" if isinstance(value, float) else value for value in row] for row in rows)


def summary_table(rows: Sequence[Row], models: Sequence[str]) -> str:
    """Markdown: one line for each model and figure."""
    lines = [
        "| model | live figure | cells | answers | mean abs. error | bias | mean half width | hold the truth |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for model in models:
        for figure in FIGURES:
            if chosen := [row for row in rows if (row.model, row.figure) == (model, figure)]:
                found = summarise(chosen)
                lines.append(
                    f"| {model} | {figure} | {found.cells} | {found.answered} | {found.error:.3f} | {found.bias:+.3f} "
                    f"| {found.half_width:.3f} | {found.coverage:.1%} |"
                )
    return "\n".join(lines)


def corruption_table(rows: Sequence[Row], models: Sequence[str]) -> str:
    """Markdown: live and offline agreement of each corruption, severities added up."""
    lines = [
        "| corruption | " + " | ".join(f"{model} live | offline" for model in models) + " |",
        "|---|" + "---|---|" * len(models),
    ]
    for name in NAMES:
        cells = []
        for model in models:
            chosen = [row for row in rows if (row.model, row.figure, row.corruption) == (model, AGREEMENT, name)]
            cells.append(_live_and_offline(chosen))
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _live_and_offline(rows: Sequence[Row]) -> str:
    """The shares of all rows together, in two columns; a corruption that no pair has met has none."""
    answered = sum(row.answered for row in rows)
    if not answered:
        return "- | -"
    live = sum(row.live * row.answered for row in rows) / answered
    return f"{live:.1%} | {statistics.fmean(row.offline for row in rows):.1%}"
