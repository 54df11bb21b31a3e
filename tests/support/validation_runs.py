"""`groupnl validate` on a CPU, and what it wrote."""

import json
from pathlib import Path
from typing import Any

from groupnl.cli import main

# The input of `support.tiny`'s card, for checkpoints without one.
AS_CARD = [
    "--size",
    "32",
    "--crop-pct",
    "1",
    "--interpolation",
    "bilinear",
    "--mean",
    *["0.5"] * 3,
    "--std",
    *["0.25"] * 3,
]
_PLAIN = ["--device", "cpu", "--workers", "0"]
# Of four images in each cell so many are in the wrong class folder, by severity; the types take turns.
WRONG = ((0, 1, 2, 3, 4), (1, 1, 1, 1, 1), (4, 4, 4, 3, 3))


def validate(checkpoint: Path, output: Path, *options: str | Path) -> int:
    """Its exit status."""
    words = ["--checkpoint", checkpoint, "--output", output, *_PLAIN, *options]
    return main(["validate", *map(str, words)])


def read(output: Path) -> dict[str, Any]:
    """The figures."""
    content: dict[str, Any] = json.loads((output / "figures.json").read_text())
    return content
