"""The study as two pictures: robustness over accuracy, and where each convolution gains or loses."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from groupnl.base.picture import save
from groupnl.corruptions import NAMES, SEVERITIES
from groupnl_studies.convolutions.kinds import KINDS, STANDARD
from groupnl_studies.convolutions.summary import Row

_COLOURS = {kind: f"C{index % 10}" for index, kind in enumerate(KINDS)}
_MARKERS = {kind: "osv"[index // 5] for index, kind in enumerate(KINDS)}


def draw_accuracies(tables: Sequence[Sequence[Row]], path: Path) -> None:
    """Mean corruption accuracy over clean accuracy: a small dot for each seed, a large one for their mean.

    Args:
        tables: the rows of each data set and network.
        path: picture, .svg or .png.
    """
    from matplotlib.figure import Figure  # half a second that no other command needs

    columns = min(2, len(tables))
    lines = -(-len(tables) // columns)
    figure = Figure(figsize=(5.5 * columns, 4.6 * lines), layout="constrained")
    grid = figure.subplots(lines, columns, squeeze=False).flat
    for axes in grid[len(tables) :]:
        axes.remove()
    for rows, axes in zip(tables, grid[: len(tables)], strict=True):
        for row in rows:
            style = {"color": _COLOURS[row.kind], "marker": _MARKERS[row.kind], "linestyle": "none"}
            clean = [100 * result.clean_right().mean() for result in row.results]
            corrupted = [100 * result.corrupted_right().mean() for result in row.results]
            axes.plot(clean, corrupted, markersize=3, alpha=0.5, **style)
            axes.plot([100 * row.clean.mean], [100 * row.corrupted.mean], markersize=8, label=row.kind, **style)
        axes.set(title=_title(rows), xlabel="clean accuracy, %", ylabel="mean corruption accuracy, %")
        axes.legend(fontsize="x-small")
        axes.grid(alpha=0.3)
    save(figure, path)


def draw_differences(tables: Sequence[Sequence[Row]], path: Path) -> None:
    """Accuracy under each corruption less that with the standard convolution, over seeds and severities.

    Args:
        tables: as in `draw_accuracies`; those without the standard convolution or with nothing beside it are left out.
        path: picture, .svg or .png.
    """
    from matplotlib.figure import Figure

    drawn = [with_standard for rows in tables if len(with_standard := _comparable(rows)) > 1]
    if not drawn:
        return
    figure = Figure(figsize=(11, sum(1.9 + 0.3 * len(rows) for rows in drawn)), layout="constrained")
    grid = figure.subplots(len(drawn), 1, squeeze=False, height_ratios=[2 + len(rows) for rows in drawn])
    for rows, axes in zip(drawn, grid[:, 0], strict=True):
        _heat_map(figure, axes, rows)
    save(figure, path)


def _comparable(rows: Sequence[Row]) -> list[Row]:
    """The standard convolution and those that share a seed with it; none without it."""
    seeds = {result.seed for row in rows if row.kind == STANDARD for result in row.results}
    return [row for row in rows if any(result.seed in seeds for result in row.results)]


def _heat_map(figure: Any, axes: Any, rows: Sequence[Row]) -> None:
    standard, *others = rows
    points = np.stack([100 * _gain_by_corruption(row, standard) for row in others])
    most = max(1.0, float(np.abs(points).max()))
    image = axes.imshow(points, cmap="RdBu", vmin=-most, vmax=most, aspect="auto")
    for (y, x), value in np.ndenumerate(points):
        on_dark = abs(value) > 0.6 * most
        axes.text(x, y, f"{value:+.1f}", ha="center", va="center", fontsize=6, color="white" if on_dark else "black")
    axes.set_xticks(range(len(NAMES)), NAMES, rotation=40, ha="right", fontsize=7)
    axes.set_yticks(range(len(others)), [row.kind for row in others], fontsize=7)
    axes.set_title(_title(rows), fontsize="medium")
    figure.colorbar(image, ax=axes, label="points over standard")


def _gain_by_corruption(row: Row, standard: Row) -> np.ndarray:
    """Mean difference of accuracy over severities and the seeds that both have, at least one; float64 (19,)."""
    base = {result.seed: result.accuracy_by_cell() for result in standard.results}
    gains = [result.accuracy_by_cell() - base[result.seed] for result in row.results if result.seed in base]
    gain: np.ndarray = np.mean(gains, axis=0).reshape(len(NAMES), len(SEVERITIES)).mean(axis=1)
    return gain


def _title(rows: Sequence[Row]) -> str:
    return f"{rows[0].data}, {rows[0].network}"
