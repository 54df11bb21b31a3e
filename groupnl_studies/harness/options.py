"""Kinds of options that several studies have."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

Seconds = Annotated[float, Field(gt=0)]
"""How long something is measured."""


def _in_a_folder(path: Path) -> Path:
    if not path.parent.is_dir():
        raise ValueError(f"there is no folder {path.parent}; make it first")
    return path


NewFile = Annotated[Path, AfterValidator(_in_a_folder)]
"""A file that is written after minutes of measuring: that its folder is missing is told before."""
