"""Figures of studies as people and programs read them."""

import csv
import io
from collections.abc import Iterable, Sequence

from groupnl_studies.grid.group import Spread
from groupnl_studies.grid.paired import Tested
from groupnl_studies.grid.result import Result


def markdown_table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A table; no word may hold a bar."""
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, ["---"] * len(head), *lines))


def percent(spread: Spread) -> str:
    """In %: "12.3 ± 0.4", "12.3" of one seed."""
    deviation = "" if spread.deviation is None else f" ± {100 * spread.deviation:.1f}"
    return f"{100 * spread.mean:.1f}{deviation}"


def points(tested: Tested) -> tuple[str, str]:
    """In points, with its interval: "+1.2 (-0.3 to +2.7)"; and p: "0.1 (0.3)", in brackets after Holm's correction."""
    found = tested.comparison
    difference = f"{100 * found.difference:+.1f} ({100 * found.low:+.1f} to {100 * found.high:+.1f})"
    return difference, f"{found.p:.2g} ({tested.p_holm:.2g})"


def csv_text(results: Sequence[Result], families: Sequence[str] = ()) -> str:
    """One line for each cell; shares of the images in [0, 1], empty where a data set has no such split.

    Args:
        results: of one study.
        families: of corruptions, a column each, and with them one for the training.
    """
    splits = sorted({split for result in results for split in result.clean})
    coordinates = ["data", "network", "convolution", *(["training"] if families else []), "seed"]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*coordinates, *splits, "clean", "corrupted", *families, "last_loss", "seconds"])
    for result in results:
        answers = (result.clean.get(split) for split in splits)
        shares = [f"{each.count('1') / len(each):.4f}" if each else "" for each in answers]
        measured = [result.clean_right(), result.corrupted_right(), *map(result.right_in, families)]
        means = (f"{right.mean():.4f}" for right in measured)
        cell = result.cell.name.split("/")
        writer.writerow([*cell, *shares, *means, f"{result.losses[-1]:.4f}", f"{result.seconds:.0f}"])
    return text.getvalue()
