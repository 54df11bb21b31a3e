"""Saving pictures so that the same figures give the same bytes."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def save(figure: "Figure", path: Path) -> None:
    """Write a picture without the date and with fixed ids.

    Args:
        figure: what is drawn.
        path: .svg or .png.
    """
    from matplotlib import rc_context  # half a second that commands without a picture do not need

    metadata: dict[str, Any] = {"Date": None} if path.suffix == ".svg" else {}
    with rc_context({"svg.hashsalt": "groupnl"}):
        figure.savefig(path, metadata=metadata)
