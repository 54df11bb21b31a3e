"""The error of every cell as a picture: a row for each corruption, a column for each severity."""

from pathlib import Path

import numpy as np

from groupnl.base.picture import save
from groupnl.corruptions.names import Cell
from groupnl.validation.figures import Figures
from groupnl.validation.report import percent

FILE = "heat_map.png"
_ROW = 0.32  # inches
_DARK = 0.75  # from this error on the colour is dark, and its number white


def draw(found: Figures, title: str, path: Path) -> None:
    """Draw the measured types.

    Args:
        found: with at least one cell.
        title: above the picture.
        path: a picture, .png or .svg.
    """
    from matplotlib.figure import Figure  # half a second that no other command needs

    names = list(found.ce)
    errors = np.array(
        [[found.errors.get(Cell(name, severity), np.nan) for severity in found.severities] for name in names]
    )
    figure = Figure(figsize=(6.4, 1.6 + _ROW * len(names)), dpi=150, layout="constrained")
    axes = figure.subplots()
    picture = axes.imshow(100 * errors, cmap="YlOrRd", vmin=0, vmax=100, aspect="auto")
    axes.set_xticks(range(len(found.severities)), labels=[str(severity) for severity in found.severities])
    axes.set_yticks(range(len(names)), labels=[name.replace("_", " ") for name in names])
    axes.set(xlabel="severity", title=title)
    for (row, column), error in np.ndenumerate(errors):
        if not np.isnan(error):
            colour = "white" if error >= _DARK else "black"
            axes.text(column, row, percent(float(error)), ha="center", va="center", color=colour)
    figure.colorbar(picture, label="top-1 error, %")
    save(figure, path)
