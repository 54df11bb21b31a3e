"""The log of a run, one row an epoch: a CSV, and TensorBoard's events where they are wanted."""

import csv
from pathlib import Path

from groupnl.base.atomic_file import replacing, writing
from groupnl.errors import ConfigError, not_installed

FILE = "metrics.csv"
EVENTS = "tensorboard"
Row = dict[str, str]


def write_log(folder: Path, rows: list[Row]) -> None:
    """Write the whole log anew, so that it never differs from the state it comes from."""
    with replacing(folder / FILE) as path, path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


class Events:
    """TensorBoard's events of a run.

    Args:
        folder: of the run.
        rows: of the log so far; whatever an interrupted process wrote is forgotten.

    Raises:
        ConfigError: TensorBoard is not installed.
    """

    def __init__(self, folder: Path, rows: list[Row]) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter  # optional
        except ImportError as error:
            raise ConfigError(f"--tensorboard: {not_installed('tensorboard', 'train')}") from error
        self._folder = folder / EVENTS
        self._writer = SummaryWriter(str(self._folder), purge_step=1)
        for row in rows:
            self.add(row)

    def add(self, row: Row) -> None:
        """Write a row of the log."""
        with writing(self._folder):
            for name, value in row.items():
                if name != "epoch":
                    self._writer.add_scalar(name, float(value), int(row["epoch"]))
            self._writer.flush()

    def close(self) -> None:
        """End the file."""
        self._writer.close()
