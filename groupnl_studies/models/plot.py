"""The figures of `groupnl bench models` as a picture: ratios to the twins, and milliseconds for an image."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from groupnl.base.picture import save
from groupnl.inference.ways import REFERENCE, parse_way
from groupnl_studies.models.figures import OWN_FASTEST, batches_of, fastest_way, median_ms, over_twin, ways_of
from groupnl_studies.models.pair import Case, PairTimes

USUAL_BATCH = 8
_BAR = 0.2  # width, of the distance between two networks


def draw(measured: Sequence[PairTimes], title: str, path: Path) -> None:
    """Draw medians at one batch size: 8 if it was measured, else the largest.

    Args:
        measured: at least one pair; all in the same ways and batch sizes.
        title: what the measurement was made with.
        path: picture, .svg.
    """
    from matplotlib.figure import Figure  # half a second that no other command needs

    batches = batches_of(measured[0])
    batch = USUAL_BATCH if USUAL_BATCH in batches else max(batches)
    figure = Figure(figsize=(max(8.0, 4.5 + 1.3 * len(measured)), 8), layout="constrained")
    figure.suptitle(f"GroupNL networks beside their twins, batch {batch}, {title}", fontsize="medium")
    above, below = figure.subplots(2, 1, sharex=True)
    _ratios(above, measured, batch)
    _times(below, measured, batch)
    below.set_xticks(range(len(measured)), [times.pair.model for times in measured], rotation=20, ha="right")
    save(figure, path)


def _ratios(axes: Any, measured: Sequence[PairTimes], batch: int) -> None:
    columns = [*ways_of(measured[0]), OWN_FASTEST]
    for number, column in enumerate(columns):
        ratios = [over_twin(times, batch)[column] for times in measured]
        shift = (number - (len(columns) - 1) / 2) * 0.8 / len(columns)
        axes.errorbar(
            [place + shift for place in range(len(measured))],
            [ratio.median for ratio in ratios],
            yerr=[
                [ratio.median - ratio.low for ratio in ratios],
                [ratio.high - ratio.median for ratio in ratios],
            ],
            fmt=_marker(column),
            color="black" if column == OWN_FASTEST else f"C{number}",
            linewidth=0.8,
            label=column,
        )
    axes.axhline(1.0, color="black", linewidth=1)
    axes.set(ylabel="throughput / twin's throughput", ylim=(0, None))
    axes.grid(axis="y", alpha=0.3)
    _legend(axes)


def _legend(axes: Any) -> None:
    """Beside the axes, where it hides nothing."""
    axes.legend(fontsize="small", loc="center left", bbox_to_anchor=(1.0, 0.5))


def _marker(column: str) -> str:
    """A star for the sceptic's figure, squares for the published form, discs for the rewritten one."""
    if column == OWN_FASTEST:
        return "*"
    return "s" if parse_way(column).published else "o"


def _times(axes: Any, measured: Sequence[PairTimes], batch: int) -> None:
    """Four bars for a pair: both networks as published, in eager PyTorch, and both in their fastest ways."""
    published = [way for way in ways_of(measured[0]) if parse_way(way)[:2] == REFERENCE[:2]]  # form and engine
    labels = [*published[-1:], OWN_FASTEST]
    bars = [(who, label) for who in (0, 1) for label in labels]
    for number, (who, label) in enumerate(bars):
        shift = (number - (len(bars) - 1) / 2) * _BAR
        drawn = axes.bar(
            [place + shift for place in range(len(measured))],
            [_time(times, times.pair[who], label, batch) for times in measured],
            width=_BAR,
            color=("tab:blue", "tab:orange")[who],
            alpha=1.0 if label == OWN_FASTEST else 0.4,
            label=f"{('GroupNL', 'twin')[who]}, {label}",
        )
        axes.bar_label(drawn, fmt="%.3g", fontsize=6)
    axes.set(ylabel="ms for an image")
    axes.grid(axis="y", alpha=0.3)
    _legend(axes)


def _time(times: PairTimes, network: str, label: str, batch: int) -> float:
    way = fastest_way(times, network, batch) if label == OWN_FASTEST else label
    return median_ms(times.turns[Case(network, way, batch)])
