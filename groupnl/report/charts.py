"""Two pictures: the model against its reference, and the truth beside the label-free band. Inline SVG."""

from groupnl.corruptions.names import NAMES
from groupnl.report.figures import ModelFigures, Truth, Twin
from groupnl.report.markup import number, percent, span, text
from groupnl.robustness.statistics import Comparison, accuracy_band

_WIDTH, _LEFT, _RIGHT, _ROW = 1000, 150, 60, 24


def twin_chart(model: str, twin: Twin) -> str:
    """For each corruption how much more often the model, or its reference, kept its answer."""
    leads = {name: _lead(twin, name) for name in NAMES if twin.pairs[name]}
    if not leads:
        return '<p class="soft">No pairs yet.</p>'
    widest = max(0.1, *(abs(lead) for lead in leads.values()))
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    half = 0.86 * (middle - _LEFT)  # room for the figures at the bars' ends
    lines = [
        f'<text x="{middle - 12}" y="16" text-anchor="end">← {text(twin.reference)} holds more often</text>',
        f'<text x="{middle + 12}" y="16">{text(model)} holds more often →</text>',
    ]
    for place, (name, lead) in enumerate(leads.items()):
        y = 30 + place * _ROW
        length = abs(lead) / widest * half
        side = "model" if lead > 0 else "reference"
        comparison = twin.by_corruption[name]
        title = _counts(comparison, twin.pairs[name])
        solid = 1 if comparison.verdict != "undecided" else 0.45
        end, anchor = (middle + length + 6, "start") if lead > 0 else (middle - length - 6, "end")
        lines += [
            f'<text x="{_LEFT - 10}" y="{y + 13}" text-anchor="end">{text(name)}</text>',
            f'<rect x="{middle if lead > 0 else middle - length:.1f}" y="{y + 2}" width="{max(length, 1):.1f}" '
            f'height="{_ROW - 8}" rx="3" fill="var(--{side})" opacity="{solid}"><title>{title}</title></rect>',
            f'<text class="soft" x="{end:.1f}" y="{y + 13}" text-anchor="{anchor}">{100 * lead:+.1f}</text>',
        ]
    height = 34 + len(leads) * _ROW
    lines.append(f'<path d="M{middle} 22V{height - 4}" stroke="var(--soft)"/>')
    return _svg(height, lines)


def truth_chart(figures: ModelFigures, truth: Truth) -> str:
    """For each corruption the band in which accuracy must lie, from live pairs, and the accuracy that was found."""
    scale = _WIDTH - _LEFT - _RIGHT
    lines = [
        f'<path d="M{_LEFT + share * scale / 4:.1f} 22V{34 + len(NAMES) * _ROW}" stroke="var(--line)"/>'
        f'<text class="soft" x="{_LEFT + share * scale / 4:.1f}" y="16" text-anchor="middle">{25 * share} %</text>'
        for share in range(5)
    ]
    for place, name in enumerate(NAMES):
        y, found, pairs = 30 + place * _ROW, truth.corrupted[name], figures.by_corruption[name]
        lines.append(f'<text x="{_LEFT - 10}" y="{y + 13}" text-anchor="end">{text(name)}</text>')
        if pairs.total:
            width = accuracy_band(pairs.total - pairs.good, pairs.total)
            low, high = max(0.0, truth.clean.value - width), min(1.0, truth.clean.value + width)
            lines.append(
                f'<rect x="{_LEFT + low * scale:.1f}" y="{y + 1}" width="{(high - low) * scale:.1f}" '
                f'height="{_ROW - 6}" rx="3" fill="var(--model)" opacity=".22">'
                f"<title>band from {number(pairs.total)} pairs: {percent(low)} to {percent(high)}</title></rect>"
            )
        if found.total:
            x = [_LEFT + value * scale for value in (found.interval.low, found.value, found.interval.high)]
            lines.append(
                f'<path d="M{x[0]:.1f} {y + 10}H{x[2]:.1f}" stroke="var(--ink)" stroke-width="1.6"/>'
                f'<circle cx="{x[1]:.1f}" cy="{y + 10}" r="4" fill="var(--ink)"><title>accuracy {percent(found.value)} '
                f"({span(found)}), {number(found.total)} answers</title></circle>"
            )
    clean = _LEFT + truth.clean.value * scale
    height = 40 + len(NAMES) * _ROW
    lines.append(
        f'<path d="M{clean:.1f} 22V{height - 6}" stroke="var(--high)" stroke-width="2" stroke-dasharray="5 4"/>'
    )
    return _svg(height, lines)


def _lead(twin: Twin, name: str) -> float:
    return twin.by_corruption[name].lead / twin.pairs[name]


def _counts(comparison: Comparison, pairs: float) -> str:
    return (
        f"{number(pairs)} pairs; only the model held in {number(comparison.model_only)}, only its reference in "
        f"{number(comparison.reference_only)}"
    )


def _svg(height: float, lines: list[str]) -> str:
    return (
        f'<svg viewBox="0 0 {_WIDTH} {height}" width="100%" style="min-width:640px" role="img" '
        f'xmlns="http://www.w3.org/2000/svg">{"".join(lines)}</svg>'
    )
