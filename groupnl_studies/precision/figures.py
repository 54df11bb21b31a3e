"""The figures of `groupnl study precision`, as data and as a table."""

from collections.abc import Sequence
from typing import Any

from groupnl.inference.agreement import Agreement


def summary(found: Sequence[Agreement]) -> list[dict[str, Any]]:
    """All figures, as JSON takes them."""
    return [
        each._asdict() | {"agreement": each.agreement, "accuracy_shift": each.shift, "passes": each.passes}
        for each in found
    ]


def table(found: Sequence[Agreement]) -> str:
    """The figures in Markdown."""
    head = ["network", "way", "same first class", "accuracy", "of the reference", "shift, points"]
    head += ["largest difference of a probability", "mean, first class", "passes"]
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    return "\n".join([*lines, *map(_row, found)])


def _row(each: Agreement) -> str:
    cells = (
        *(each.network, each.way, f"{each.agreement:.2%}"),
        *(f"{count / each.images:.2%}" for count in (each.correct, each.reference_correct)),
        *(f"{100 * each.shift:+.2f}", f"{each.largest_difference:.2g}", f"{each.mean_difference:.2g}"),
        "yes" if each.passes else "no",
    )
    return f"| {' | '.join(cells)} |"
