"""A study as pictures: robustness over accuracy, and which corruptions something gains or loses in."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from groupnl.base.picture import save
from groupnl.corruptions import NAMES, SEVERITIES
from groupnl_studies.grid.group import Group


class Look(NamedTuple):
    """How a group is drawn.

    Attributes:
        label: its name.
        colour: of its dots.
        marker: of its dots.
    """

    label: str
    colour: str
    marker: str


class Gain(NamedTuple):
    """A row of a picture of differences.

    Attributes:
        label: what is drawn.
        group: of it.
        base: what it is compared with; both have a seed in common.
    """

    label: str
    group: Group
    base: Group


def draw_accuracies(tables: Sequence[Sequence[Group]], look: Callable[[Group], Look], path: Path) -> None:
    """Mean corruption accuracy over clean accuracy: a small dot for each seed, a large one for their mean.

    Args:
        tables: the groups of each data set and network.
        look: of a group.
        path: picture, .svg or .png.
    """
    from matplotlib.figure import Figure  # half a second that no other command needs

    columns = min(2, len(tables))
    lines = -(-len(tables) // columns)
    figure = Figure(figsize=(5.5 * columns, 4.6 * lines), layout="constrained")
    grid = figure.subplots(lines, columns, squeeze=False).flat
    for axes in grid[len(tables) :]:
        axes.remove()
    for groups, axes in zip(tables, grid[: len(tables)], strict=True):
        for group in groups:
            label, colour, marker = look(group)
            style = {"color": colour, "marker": marker, "linestyle": "none"}
            clean = [100 * result.clean_right().mean() for result in group.results]
            corrupted = [100 * result.corrupted_right().mean() for result in group.results]
            axes.plot(clean, corrupted, markersize=3, alpha=0.5, **style)
            axes.plot([100 * group.clean.mean], [100 * group.corrupted.mean], markersize=8, label=label, **style)
        axes.set(title=_title(groups[0]), xlabel="clean accuracy, %", ylabel="mean corruption accuracy, %")
        axes.legend(fontsize="x-small")
        axes.grid(alpha=0.3)
    save(figure, path)


def draw_differences(tables: Sequence[Sequence[Gain]], label: str, path: Path) -> None:
    """Differences in accuracy under each corruption, over seeds and severities.

    Args:
        tables: of each data set and network; those without a row are left out, and where none has one, nothing is
            drawn.
        label: of the scale.
        path: picture, .svg or .png.
    """
    from matplotlib.figure import Figure

    drawn = [gains for gains in tables if gains]
    if not drawn:
        return
    figure = Figure(figsize=(11, sum(1.9 + 0.3 * (1 + len(gains)) for gains in drawn)), layout="constrained")
    grid = figure.subplots(len(drawn), 1, squeeze=False, height_ratios=[3 + len(gains) for gains in drawn])
    for gains, axes in zip(drawn, grid[:, 0], strict=True):
        _heat_map(figure, axes, gains, label)
    save(figure, path)


def _heat_map(figure: Any, axes: Any, gains: Sequence[Gain], label: str) -> None:
    points = np.stack([100 * _gain_by_corruption(gain) for gain in gains])
    most = max(1.0, float(np.abs(points).max()))
    image = axes.imshow(points, cmap="RdBu", vmin=-most, vmax=most, aspect="auto")
    for (y, x), value in np.ndenumerate(points):
        on_dark = abs(value) > 0.6 * most
        axes.text(x, y, f"{value:+.1f}", ha="center", va="center", fontsize=6, color="white" if on_dark else "black")
    axes.set_xticks(range(len(NAMES)), NAMES, rotation=40, ha="right", fontsize=7)
    axes.set_yticks(range(len(gains)), [gain.label for gain in gains], fontsize=7)
    axes.set_title(_title(gains[0].group), fontsize="medium")
    figure.colorbar(image, ax=axes, label=label)


def _gain_by_corruption(row: Gain) -> np.ndarray:
    """Mean difference of accuracy over severities and the seeds that both have; float64 (19,)."""
    base = {result.seed: result.accuracy_by_cell() for result in row.base.results}
    gains = [result.accuracy_by_cell() - base[result.seed] for result in row.group.results if result.seed in base]
    gain: np.ndarray = np.mean(gains, axis=0).reshape(len(NAMES), len(SEVERITIES)).mean(axis=1)
    return gain


def _title(group: Group) -> str:
    return f"{group.data}, {group.network}"
