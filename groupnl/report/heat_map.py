"""Agreement by corruption and severity, as a coloured table."""

from groupnl.corruptions.names import NAMES, SEVERITIES, Cell
from groupnl.report.figures import CountedShare, ModelFigures
from groupnl.report.markup import number, percent, span, text

# As the paper groups them.
GROUPS = {"noise": 3, "blur": 4, "weather": 4, "digital": 4, "for validation": 4}
FEW = 30  # pairs; below, a cell says little


def heat_map(figures: ModelFigures) -> str:
    """The table: each cell with its share, its pairs, and its interval as a tooltip."""
    head = "".join(f"<th>severity {severity}</th>" for severity in SEVERITIES)
    names = iter(NAMES)
    rows = []
    for group, size in GROUPS.items():
        rows.append(f'<tr><th class="group" colspan="{len(SEVERITIES) + 3}">{group}</th></tr>')
        rows.extend(_row(next(names), figures) for _ in range(size))
    return f'<table class="heat"><tr><th></th>{head}<td class="gap"></td><th>all</th></tr>{"".join(rows)}</table>'


def _row(name: str, figures: ModelFigures) -> str:
    cells = "".join(_cell(figures.by_cell[Cell(name, severity)]) for severity in SEVERITIES)
    return f'<tr><th>{text(name)}</th>{cells}<td class="gap"></td>{_cell(figures.by_corruption[name])}</tr>'


def _cell(share: CountedShare) -> str:
    if not share.total:
        return '<td class="none" title="no pairs yet"><b>-</b><small>0</small></td>'
    kind = ' class="few"' if share.total < FEW else ""
    title = f"{number(share.good)} of {number(share.total)} answers stayed; 95 % interval {span(share)}"
    return (
        f'<td{kind} style="background-color:{_colour(share.value)}" title="{title}">'
        f"<b>{percent(share.value)}</b><small>n = {number(share.total)}</small></td>"
    )


def _colour(value: float) -> str:
    """From low over middle, at one half, to high."""
    first, second, part = ("low", "middle", 2 * value) if value < 0.5 else ("middle", "high", 2 * value - 1)
    return f"color-mix(in oklab, var(--{second}) {100 * part:.0f}%, var(--{first}))"
