"""Saving pictures so that the same figures give the same bytes."""

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator

from groupnl.base.atomic_file import replacing
from groupnl.errors import ConfigError, not_installed

FORMATS = (".svg", ".png")

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def named_as_picture(path: Path) -> Path:
    """The path; raises ValueError where its name ends otherwise."""
    if path.suffix not in FORMATS:
        raise ValueError(f"the picture's name must end in {' or '.join(FORMATS)}")
    return path


PictureFile = Annotated[Path, AfterValidator(named_as_picture)]
"""Where a picture is to be written."""


def check_drawing() -> None:
    """Raise ConfigError where matplotlib is missing: pictures come last, after minutes or hours of measuring."""
    if importlib.util.find_spec("matplotlib") is None:
        raise ConfigError(f"the picture cannot be drawn: {not_installed('matplotlib', 'train')}")


def save(figure: "Figure", path: Path) -> None:
    """Write a picture without the date and with fixed ids, in one step; its folder is made.

    Args:
        figure: what is drawn.
        path: of one of the `FORMATS`.
    """
    from matplotlib import rc_context  # half a second that commands without a picture do not need

    kind = path.suffix.removeprefix(".")
    metadata: dict[str, Any] = {"Date": None} if kind == "svg" else {}
    with rc_context({"svg.hashsalt": "groupnl"}), replacing(path) as partial:
        figure.savefig(partial, format=kind, metadata=metadata)
