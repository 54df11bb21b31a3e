"""`groupnl curves`: the logs of finished runs as one picture, loss and accuracy by epoch."""

import argparse
import csv
from argparse import ArgumentTypeError
from pathlib import Path

from groupnl.base.options import Options as BaseOptions
from groupnl.base.picture import PictureFile, save
from groupnl.base.short_names import by_short_name
from groupnl.base.words import number
from groupnl.errors import ConfigError

# Columns of the log that are no accuracy.
_NOT_SPLITS = ("epoch", "loss", "lr", "seconds")


class Options(BaseOptions):
    """What `groupnl curves` draws.

    Attributes:
        logs: of finished runs, `.csv`.
        output: picture, `.svg` or `.png`.
    """

    logs: tuple[Path, ...]
    output: PictureFile


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Logs in, picture out."""
    parser.add_argument("logs", nargs="+", type=Path, metavar="NAME.csv", help="written beside NAME.safetensors")
    parser.add_argument("--output", type=Path, required=True, metavar="FILE", help="picture, .svg or .png")


def run(options: Options) -> int:
    """Draw the runs, one colour each, one panel for the loss and one for each split that any of them has.

    Raises:
        ConfigError: a log that cannot be read.
    """
    from matplotlib.figure import Figure  # half a second that no other command needs

    runs = {name: read_log(path) for name, path in by_short_name(options.logs).items()}
    columns = dict.fromkeys(column for log in runs.values() for column in log)
    panels = ["loss", *(column for column in columns if column not in _NOT_SPLITS)]
    figure = Figure(figsize=(3.6 * len(panels), 3.2), layout="constrained")
    for axes, column in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        for index, (name, log) in enumerate(runs.items()):
            if column in log:
                axes.plot(log["epoch"], log[column], color=f"C{index}", label=name)
        axes.set(title="training loss" if column == "loss" else f"top-1 accuracy, {column}", xlabel="epoch")
        axes.grid(alpha=0.3)
    figure.axes[0].legend()
    save(figure, options.output)
    print(options.output)
    return 0


def read_log(path: Path) -> dict[str, list[float]]:
    """Column -> values by epoch.

    Raises:
        ConfigError: missing, or not a log of `groupnl train`.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            table = csv.DictReader(file)
            rows, columns = list(table), table.fieldnames or ()
        log = {column: [_number(row, column) for row in rows] for column in columns}
    except (OSError, ValueError, csv.Error) as error:
        raise ConfigError(f"cannot read {path} as the log of a training run: {error}") from error
    if not rows:
        raise ConfigError(f"{path} is no log of a training run: it has no epoch; name the .csv beside a checkpoint")
    if missing := {"epoch", "loss"} - set(log):
        raise ConfigError(f"{path} is no log of a training run: it has no column {sorted(missing)[0]!r}")
    return log


def _number(row: dict[str, str], column: str) -> float:
    try:
        return number(row[column] or "")
    except ArgumentTypeError:
        raise ValueError(f"{column} = {row[column]!r}: it must be a number") from None
