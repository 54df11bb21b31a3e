"""ImageNet-C on a disk: a folder for each corruption, in it one for each severity."""

from collections.abc import Iterable
from pathlib import Path

from groupnl.corruptions import Cell
from groupnl.errors import ConfigError

IMAGENET_C_SIZE = 224  # pixels of the published files, and of their crop


def cell_folder(root: Path, cell: Cell) -> Path:
    """Where ImageNet-C has a cell."""
    return root / cell.corruption / str(cell.severity)


def cell_folders(root: Path, cells: Iterable[Cell]) -> dict[Cell, Path]:
    """ImageNet-C's folders of the cells.

    Args:
        root: holds ``<corruption>/<severity>/<class>/<file>``.
        cells: that are asked for.

    Raises:
        ConfigError: some are missing; each is named.
    """
    folders = {cell: cell_folder(root, cell) for cell in cells}
    missing = [cell for cell, folder in folders.items() if not folder.is_dir()]
    if not missing:
        return folders
    lacking: dict[str, list[str]] = {}
    for cell in missing:
        lacking.setdefault(cell.corruption, []).append(str(cell.severity))
    listed = "; ".join(f"{name} at {', '.join(severities)}" for name, severities in lacking.items())
    raise ConfigError(
        f"{root} lacks folders <corruption>/<severity> of ImageNet-C: {listed}. Validate what is there with "
        "--corruptions or --severities"
    )
