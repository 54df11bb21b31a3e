"""The study as a picture: one row of panels for each model."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from groupnl.base.picture import save
from groupnl_studies.live_vs_offline.figures import ACCURACY, AGREEMENT, FIGURES, PROBE, Row

_COLOURS = {True: "tab:blue", False: "tab:red"}  # by whether the interval holds the truth
_TITLES = {AGREEMENT: "live agreement", ACCURACY: "live accuracy, clients' labels", PROBE: "live accuracy, probe set"}


def draw(rows: Sequence[Row], clean_accuracy: Mapping[str, float], path: Path) -> None:
    """Draw live figures over the offline truth, and the label-free band around the offline accuracy.

    Args:
        rows: of all models and figures.
        clean_accuracy: model -> live accuracy of its clean answers; the models in their order.
        path: picture, .svg or .png.
    """
    from matplotlib.figure import Figure  # half a second that no other command needs

    models = list(clean_accuracy)
    figure = Figure(figsize=(4 * (len(FIGURES) + 1), 3.8 * len(models)), layout="constrained")
    grid = figure.subplots(len(models), len(FIGURES) + 1, squeeze=False)
    for model, panels in zip(models, grid, strict=True):
        for name, axes in zip(FIGURES, panels, strict=False):
            _scatter(axes, [row for row in rows if (row.model, row.figure) == (model, name)])
            axes.set(title=f"{model}: {_TITLES[name]}", xlabel="offline truth", ylabel="live, 95 % interval")
        _band(panels[-1], [row for row in rows if row.model == model], clean_accuracy[model])
        panels[-1].set(title=f"{model}: label-free band", xlabel="cells by offline accuracy", ylabel="accuracy")
    save(figure, path)


def _scatter(axes: Any, rows: Sequence[Row]) -> None:
    axes.plot([0, 1], [0, 1], color="grey", linewidth=0.8)
    for held, colour in _COLOURS.items():
        chosen = [row for row in rows if (row.low <= row.offline <= row.high) == held]
        offline = [row.offline for row in chosen]
        axes.vlines(offline, [row.low for row in chosen], [row.high for row in chosen], color=colour, linewidth=0.8)
        label = f"interval {'holds' if held else 'misses'} the truth: {len(chosen)}"
        axes.plot(offline, [row.live for row in chosen], "o", markersize=3, color=colour, label=label)
    axes.legend(loc="upper left", fontsize="small")
    axes.grid(alpha=0.3)


def _band(axes: Any, rows: Sequence[Row], clean: float) -> None:
    """For each cell the band as a line, and the offline accuracy as a dot."""
    live = {(row.corruption, row.severity): row.live for row in rows if row.figure == AGREEMENT}
    truth = {(row.corruption, row.severity): row.offline for row in rows if row.figure == ACCURACY}
    cells = sorted(live.keys() & truth.keys(), key=lambda cell: truth[cell])
    places = range(len(cells))
    low = [max(clean - (1 - live[cell]), 0) for cell in cells]
    high = [min(clean + (1 - live[cell]), 1) for cell in cells]
    axes.vlines(places, low, high, color="tab:blue", alpha=0.4, label="clean accuracy +- (1 - live agreement)")
    axes.plot(places, [truth[cell] for cell in cells], ".", color="black", markersize=4, label="offline accuracy")
    axes.set_ylim(0, 1)
    axes.legend(loc="upper left", fontsize="small")
    axes.grid(alpha=0.3)
