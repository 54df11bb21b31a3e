"""Two pictures: the model against its reference, and accuracy: found, estimated, and its band. Inline SVG.

They show what the tables below them say in figures.
"""

from groupnl.corruptions.names import NAMES
from groupnl.report.estimate import Estimate
from groupnl.report.figures import ModelFigures
from groupnl.report.markup import scroll, text
from groupnl.report.truth import Truth, band_of
from groupnl.report.twin import Twin
from groupnl.traffic.estimated import Estimated

# A chart is as wide as the window lets it, on a phone too: there its words are larger (style.css), and have room here.
_WIDTH, _LEFT, _RIGHT, _ROW = 480, 165, 30, 24


def twin_chart(twin: Twin) -> str:
    """For each corruption how much more often the model, or its reference, kept its answer."""
    leads = {name: side.difference for name, side in twin.by_corruption.items() if side.pairs}
    if not leads:
        return '<p class="soft">No pairs yet.</p>'
    widest = max(0.1, *(abs(lead) for lead in leads.values()))
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    half = 0.62 * (middle - _LEFT)  # room for the figures at the bars' ends
    lines = []
    for place, (name, lead) in enumerate(leads.items()):
        y = 4 + place * _ROW
        length = abs(lead) / widest * half
        kind = ("model" if lead > 0 else "reference") + (
            " undecided" if twin.by_corruption[name].verdict == "undecided" else ""
        )
        end, anchor = (middle + length + 7, "start") if lead > 0 else (middle - length - 7, "end")
        lines += [
            _name(name, y),
            f'<rect class="{kind}" x="{middle if lead > 0 else middle - length:.1f}" y="{y + 3}" '
            f'width="{max(length, 1):.1f}" height="{_ROW - 9}" rx="2"/>',
            f'<text class="soft" x="{end:.1f}" y="{y + 15}" text-anchor="{anchor}">{100 * lead:+.1f}</text>',
        ]
    height = 8 + len(leads) * _ROW
    lines.append(f'<path class="axis" d="M{middle} 0V{height}"/>')
    return _svg(f"Difference to {twin.reference} in percent of the pairs, by corruption", height, lines)


def accuracy_chart(figures: ModelFigures, truth: Truth | None, estimate: Estimate | None) -> str:
    """For each corruption the band in which accuracy must lie if live images are like these; accuracy, and an estimate.

    Args:
        figures: of the model.
        truth: accuracy on labelled images; None: not known.
        estimate: of the accuracy on live images; None: there is none.
    """
    height = 34 + len(NAMES) * _ROW
    lines = [
        f'<path class="grid" d="M{_at(share / 4):.1f} 22V{height}"/>'
        f'<text class="soft" x="{_at(share / 4):.1f}" y="16" text-anchor="middle">{25 * share} %</text>'
        for share in range(5)
    ]
    for place, name in enumerate(NAMES):
        y = 28 + place * _ROW
        lines.append(_name(name, y))
        if truth is not None:
            lines += _found(figures, truth, name, y, 11 if estimate is None else 7)
        if estimate is not None and name in estimate.by_corruption:
            lines.append(_estimated(estimate.by_corruption[name], y + (11 if truth is None else 16)))
    if truth is not None:
        lines.append(f'<path class="clean" d="M{_at(truth.clean.value):.1f} 22V{height}"/>')
    return _svg("Accuracy by corruption: found, estimated, and the band by live pairs", height, lines)


def _found(figures: ModelFigures, truth: Truth, name: str, y: float, down: float) -> list[str]:
    found, band = truth.corrupted[name], band_of(truth, figures.by_corruption[name])
    lines = []
    if band is not None:
        lines.append(
            f'<rect class="band" x="{_at(band.low):.1f}" y="{y + 2}" width="{_at(band.high) - _at(band.low):.1f}" '
            f'height="{_ROW - 6}" rx="3"/>'
        )
    if found.total:
        lines.append(
            f'<path class="found" d="M{_at(found.interval.low):.1f} {y + down}H{_at(found.interval.high):.1f}"/>'
            f'<circle class="found" cx="{_at(found.value):.1f}" cy="{y + down}" r="4"/>'
        )
    return lines


def _estimated(figure: Estimated, y: float) -> str:
    x = _at(figure.value)
    return (
        f'<path class="estimate" d="M{_at(figure.low):.1f} {y}H{_at(figure.high):.1f}'
        f'M{x - 5:.1f} {y}L{x:.1f} {y - 5}L{x + 5:.1f} {y}L{x:.1f} {y + 5}Z"/>'
    )


def _at(share: float) -> float:
    return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)


def _name(name: str, y: float) -> str:
    return f'<text x="{_LEFT - 10}" y="{y + 15}" text-anchor="end">{text(name)}</text>'


def _svg(label: str, height: float, lines: list[str]) -> str:
    return scroll(
        label,
        f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{text(label)}" '
        f'xmlns="http://www.w3.org/2000/svg">{"".join(lines)}</svg>',
    )
