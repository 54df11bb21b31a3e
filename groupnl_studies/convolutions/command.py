"""`groupnl study convolutions`: the convolutions in the same networks, trained alike, clean and corrupted."""

import argparse
from functools import partial
from pathlib import Path

from groupnl_studies.convolutions.design import CONVOLUTIONS
from groupnl_studies.convolutions.report import write_report
from groupnl_studies.convolutions.speed import measure_speed
from groupnl_studies.grid.command import GridOptions, Study, add_grid_arguments, run_study
from groupnl_studies.grid.images import FASHION_MNIST, read_fashion_mnist, read_icons

_STUDY = Study(CONVOLUTIONS, write_report, measure_speed, "the forward passes")


class Options(GridOptions):
    """What `groupnl study convolutions` trains.

    Attributes:
        fashion_mnist: folder of its four files.
    """

    fashion_mnist: Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `groupnl study convolutions`."""
    fashion_mnist = "its four .gz files (%(default)s)"
    parser.add_argument("--fashion-mnist", type=Path, default=FASHION_MNIST, metavar="DIR", help=fashion_mnist)
    add_grid_arguments(parser, _STUDY)


def run(options: Options) -> int:
    """Train the cells that are missing, in balanced order, then write the report.

    Raises:
        ConfigError: see `run_study`.
    """
    sources = {
        "icons": partial(read_icons, options.icons),
        "fashion-mnist": partial(read_fashion_mnist, options.fashion_mnist),
    }
    return run_study(options, _STUDY, sources)
