"""Agreement by corruption and severity, as a coloured table."""

from collections.abc import Iterable

from groupnl.corruptions.names import NAMES, SEVERITIES, Cell
from groupnl.report.figures import ModelFigures
from groupnl.report.markup import name, number, percent, span, whole_table
from groupnl.report.shares import CountedShare

# As the paper groups them.
GROUPS = {"noise": 3, "blur": 4, "weather": 4, "digital": 4, "for validation": 4}
FEW = 30  # pairs; below, a cell says little

# The fill of each tenth, from none that stayed to all, and its text. Lightness alone tells the steps apart, so that
# they differ to every eye and in print. Hues go from blue through grey to sand, and never through green: that many
# answers stay is no good news by itself.
RAMP = (
    ("#2e265d", "#fff"),
    ("#443766", "#fff"),
    ("#59486f", "#fff"),
    ("#6d5b79", "#fff"),
    ("#826e82", "#fff"),
    ("#98838c", "#000"),
    ("#af9b98", "#000"),
    ("#c7b2a4", "#000"),
    ("#e1ccb1", "#000"),
    ("#fae6be", "#000"),
)

_CAPTION = "Answers that stayed, with their 95 % interval and the number n of pairs"


def ramp_style() -> str:
    """CSS of the steps. In the dark the ramp is turned round: what fails stands out from the page in both."""
    return f"{_rules(RAMP)}@media screen and (prefers-color-scheme: dark) {{\n{_rules(reversed(RAMP))}}}\n"


def ramp_key() -> str:
    """The steps side by side, for a legend."""
    steps = "".join(f'<i class="step-{place}"></i>' for place in range(len(RAMP)))
    return f'<span class="key">0 % {steps} 100 %</span>'


def heat_map(figures: ModelFigures) -> str:
    """The table: each cell with its share, the share's interval, and its pairs."""
    columns = ["corruption", *(f"severity {severity}" for severity in SEVERITIES), "all"]
    head = "".join(f'<th scope="col">{column}</th>' for column in columns)
    names = iter(NAMES)
    groups = "".join(
        f'<tbody><tr><th class="group" scope="rowgroup" colspan="{len(columns)}">{group}</th></tr>'
        + "".join(_row(next(names), figures) for _ in range(size))
        + "</tbody>"
        for group, size in GROUPS.items()
    )
    return whole_table(_CAPTION, f"<thead><tr>{head}</tr></thead>{groups}", "heat")


def _row(corruption: str, figures: ModelFigures) -> str:
    cells = "".join(_cell(figures.by_cell[Cell(corruption, severity)]) for severity in SEVERITIES)
    return f'<tr><th scope="row">{name(corruption)}</th>{cells}{_cell(figures.by_corruption[corruption])}</tr>'


def _cell(share: CountedShare) -> str:
    if not share.total:
        return '<td class="none"><b>-</b><small>n = 0</small></td>'
    step = min(int(share.value * len(RAMP)), len(RAMP) - 1)
    kind = f"step-{step} few" if share.total < FEW else f"step-{step}"
    return (
        f'<td class="{kind}"><b>{percent(share.value)}</b><small>{span(share)}</small>'
        f"<small>n = {number(share.total)}</small></td>"
    )


def _rules(ramp: Iterable[tuple[str, str]]) -> str:
    return "".join(f".step-{place} {{ background: {fill}; color: {ink}; }}\n" for place, (fill, ink) in enumerate(ramp))
