"""The study as a table for people, and as one for programs."""

import csv
import io
from collections.abc import Iterable, Sequence

from groupnl_studies.convolutions.contrast import FROM_PUBLISHED, FROM_STANDARD, Contrast, Tested, contrasts_of
from groupnl_studies.convolutions.result import Result
from groupnl_studies.convolutions.speed import REWRITTEN, TRAINED
from groupnl_studies.convolutions.summary import Row, Spread

Ratios = dict[str, dict[str, dict[str, float]]]


def markdown(rows: Sequence[Row], ratios: Ratios) -> str:
    """What there is of one network on one data set: accuracies in %, then the differences that can be tested.

    Args:
        rows: of one data set and network, at least one.
        ratios: of the forward passes, as `read_ratios` gives them.
    """
    first = rows[0]
    tables = [
        _accuracies(rows, ratios.get(first.network, {})),
        _differences(contrasts_of(rows, FROM_STANDARD)),
        _differences(contrasts_of(rows, FROM_PUBLISHED)),
    ]
    return "\n\n".join([f"**{first.data}, {first.network}**", *filter(None, tables)])


def _accuracies(rows: Sequence[Row], ratios: dict[str, dict[str, float]]) -> str:
    head = ["convolution", "seeds", "trained parameters", "MMACs", "forward, x standard", "rewritten, x standard"]
    head += [*rows[0].splits, "all clean", "mean corruption accuracy", "kept"]
    return _table(head, (_line(row, ratios.get(row.kind, {})) for row in rows))


def _line(row: Row, ratios: dict[str, float]) -> list[str]:
    return [
        *(row.kind, str(len(row.results)), f"{row.trained:,}", f"{row.macs / 1e6:.1f}"),
        *(f"{ratios[form]:.2f}" if form in ratios else "-" for form in (TRAINED, REWRITTEN)),
        *(_percent(spread) for spread in (*row.splits.values(), row.clean, row.corrupted, row.kept)),
    ]


def _differences(contrasts: Sequence[Contrast]) -> str:
    """In points, with 95 % intervals; empty where there are none."""
    if not contrasts:
        return ""
    compared = [*contrasts[0].splits, "all clean", "mean corruption accuracy"]
    head = ["convolution", "less", *(word for name in compared for word in (name, "p (Holm)"))]
    return _table(head, (_contrast_line(each) for each in contrasts))


def _contrast_line(contrast: Contrast) -> list[str]:
    tested = [*contrast.splits.values(), contrast.clean, contrast.corrupted]
    return [contrast.kind, contrast.base, *(word for each in tested for word in _points(each))]


def _table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, ["---"] * len(head), *lines))


def _percent(spread: Spread) -> str:
    deviation = "" if spread.deviation is None else f" ± {100 * spread.deviation:.1f}"
    return f"{100 * spread.mean:.1f}{deviation}"


def _points(tested: Tested) -> tuple[str, str]:
    found = tested.comparison
    points = f"{100 * found.difference:+.1f} ({100 * found.low:+.1f} to {100 * found.high:+.1f})"
    return points, f"{found.p:.2g} ({tested.p_holm:.2g})"


def csv_text(results: Sequence[Result]) -> str:
    """One line for each cell; shares of the images in [0, 1], empty where a data set has no such split."""
    splits = sorted({split for result in results for split in result.clean})
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        [*("data", "network", "convolution", "seed"), *splits, "clean", "corrupted", "last_loss", "seconds"]
    )
    for result in results:
        answers = (result.clean.get(split) for split in splits)
        shares = [f"{each.count('1') / len(each):.4f}" if each else "" for each in answers]
        means = (f"{right.mean():.4f}" for right in (result.clean_right(), result.corrupted_right()))
        writer.writerow([*result.cell, *shares, *means, f"{result.losses[-1]:.4f}", f"{result.seconds:.0f}"])
    return text.getvalue()
