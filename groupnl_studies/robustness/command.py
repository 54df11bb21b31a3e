"""`groupnl study robustness`: trainings that are meant to make networks robust, with and without GroupNL."""

import argparse
from functools import partial

from groupnl_studies.grid.command import GridOptions, Study, add_grid_arguments, run_study
from groupnl_studies.grid.images import read_icons
from groupnl_studies.robustness.design import ROBUSTNESS
from groupnl_studies.robustness.report import write_report
from groupnl_studies.robustness.speed import measure_speed

_STUDY = Study(ROBUSTNESS, write_report, measure_speed, "a step of each training")


class Options(GridOptions):
    """What `groupnl study robustness` trains."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `groupnl study robustness`."""
    add_grid_arguments(parser, _STUDY)


def run(options: Options) -> int:
    """Train the cells that are missing, in balanced order, then write the report.

    Raises:
        ConfigError: see `run_study`.
    """
    return run_study(options, _STUDY, {"icons": partial(read_icons, options.icons)})
