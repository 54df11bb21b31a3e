"""The study as a table for people, and as one for programs."""

import csv
import io
from collections.abc import Sequence

from groupnl.studies.convolutions.result import Result
from groupnl.studies.convolutions.speed import REWRITTEN, TRAINED
from groupnl.studies.convolutions.summary import Against, Row, Spread

Ratios = dict[str, dict[str, dict[str, float]]]


def markdown(rows: Sequence[Row], ratios: Ratios) -> str:
    """One table: accuracies in %, differences from the standard convolution in points with 95 % intervals.

    Args:
        rows: of one data set and network, at least one.
        ratios: of the forward passes, as `read_ratios` gives them.
    """
    first = rows[0]
    head = ["convolution", "seeds", "trained parameters", "MMACs", "forward, x standard", "rewritten, x standard"]
    head += [*first.splits, "all clean", "less standard", "p (Holm)"]
    head += ["mean corruption accuracy", "less standard", "p (Holm)"]
    lines = [f"**{first.data}, {first.network}**", "", f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    return "\n".join([*lines, *(_line(row, ratios.get(row.network, {}).get(row.kind, {})) for row in rows)])


def _line(row: Row, ratios: dict[str, float]) -> str:
    cells = [
        *(row.kind, str(len(row.results)), f"{row.trained:,}", f"{row.macs / 1e6:.1f}"),
        *(f"{ratios[form]:.2f}" if form in ratios else "-" for form in (TRAINED, REWRITTEN)),
        *(_percent(spread) for spread in row.splits.values()),
        *(_percent(row.clean), *_difference(row.clean_against)),
        *(_percent(row.corrupted), *_difference(row.corrupted_against)),
    ]
    return f"| {' | '.join(cells)} |"


def _percent(spread: Spread) -> str:
    deviation = "" if spread.deviation is None else f" ± {100 * spread.deviation:.1f}"
    return f"{100 * spread.mean:.1f}{deviation}"


def _difference(against: Against | None) -> tuple[str, str]:
    if against is None:
        return "", ""
    found = against.comparison
    points = f"{100 * found.difference:+.1f} ({100 * found.low:+.1f} to {100 * found.high:+.1f})"
    return points, f"{found.p:.2g} ({against.p_holm:.2g})"


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
