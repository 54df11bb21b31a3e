"""The figures of `groupnl tune` as a picture: throughput over the latency of one client, a point for each candidate."""

import textwrap
from collections.abc import Sequence
from pathlib import Path

from groupnl.base.picture import save
from groupnl_studies.harness.rounds import median_over
from groupnl_studies.tune.search import Candidate, Figures, Step

_TITLE_WIDTH = 90  # characters
_NAMES = {
    "workers": "workers",
    "engine": "engine",
    "threads": "threads",
    "batch_size": "batch size",
    "max_batch_delay_ms": "delay",
}


def draw(steps: Sequence[Step], title: str, path: Path) -> None:
    """Draw each candidate's medians over all its measurements.

    Args:
        steps: at least one.
        title: what was measured.
        path: picture, .svg or .png.
    """
    from matplotlib.figure import Figure  # half a second that no other command needs

    figure = Figure(figsize=(8, 5), layout="constrained")
    figure.suptitle(textwrap.fill(title, _TITLE_WIDTH), fontsize="small")
    axes = figure.subplots()
    found = _measurements(steps)
    for number, step in enumerate(steps):
        new = [each for each in step.rounds[0] if _first_step(steps, each) == number]
        points = [_point(found[each]) for each in new]
        label = f"step {number + 1}: {_NAMES[step.setting]}"
        axes.plot([x for x, _ in points], [y for _, y in points], "o", color=f"C{number}", label=label)
        for candidate, point in zip(new, points, strict=True):
            axes.annotate(f"{candidate}", point, (5, 4), textcoords="offset points", fontsize="x-small")
    chosen = steps[-1].chosen
    x, y = _point(found[chosen])
    axes.plot([x], [y], "o", markersize=14, fillstyle="none", color="black", label=f"chosen: {chosen}")
    axes.set(xlabel="one client: median latency, ms", ylabel="many clients: answers a second")
    axes.margins(0.15)  # room for the settings beside the points
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small", title="workers x batch size, delay", title_fontsize="small")
    save(figure, path)


def _measurements(steps: Sequence[Step]) -> dict[Candidate, list[Figures]]:
    found: dict[Candidate, list[Figures]] = {}
    for step in steps:
        for each in step.rounds:
            for candidate, figures in each.items():
                found.setdefault(candidate, []).append(figures)
    return found


def _first_step(steps: Sequence[Step], candidate: Candidate) -> int:
    return next(number for number, step in enumerate(steps) if candidate in step.rounds[0])


def _point(figures: Sequence[Figures]) -> tuple[float, float]:
    return (
        median_over(figures, lambda each: each.alone.p50_ms),
        median_over(figures, lambda each: each.saturated.throughput),
    )
