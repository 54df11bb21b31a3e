"""The command of a study that trains: its options, what is trained next, the report after every cell."""

import argparse
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple, Self

from pydantic import model_validator

from groupnl.base.cores import usable_cores
from groupnl.base.folder_lock import locked
from groupnl.base.numbers import Positive
from groupnl.base.options import Options as BaseOptions
from groupnl.base.progress import progress
from groupnl.corruptions import NAMES
from groupnl.corruptions.corrupt import check
from groupnl.errors import ConfigError
from groupnl_studies.grid.cells import StudyCell, all_cells, choose_cells
from groupnl_studies.grid.design import Design
from groupnl_studies.grid.images import DataSet
from groupnl_studies.grid.prepared import PreparedRecord, prepare
from groupnl_studies.grid.recipe import ImagePlan, Recipe
from groupnl_studies.grid.result import Result, read_results, result_path
from groupnl_studies.grid.run import Plan, data_folder
from groupnl_studies.grid.schedule import Clock, Failure, run_cells

SEEDS = 3
Recipes = Mapping[tuple[str, str], Recipe]
Sources = Mapping[str, Callable[[int], DataSet]]
"""Data set -> what reads its images at so many pixels."""


class Study(NamedTuple):
    """One study.

    Attributes:
        design: what it trains.
        write_report: folder of the study -> the files that were written of what is there.
        measure_speed: times something, with so many threads, writes it into the folder, and says how quiet it was.
        timed: what that is, in words.
    """

    design: Design
    write_report: Callable[[Path], list[Path]]
    measure_speed: Callable[[Path, int], str]
    timed: str


class GridOptions(BaseOptions):
    """What every such study may be told.

    Attributes:
        out: folder of the study.
        icons: folder of `groupnl data icons`.
        budget_minutes: no cell is begun that would not be done by then; None: no limit.
        cells: patterns of names of cells.
        seeds: how often each network is trained.
        jobs: cells side by side; None: as many as cores.
        threads: of each cell.
        list: print the cells, train nothing.
        report: write the report, train nothing.
        speed: time what the study times, then report.
        epochs: of the training; None, here and below: as the recipe says.
        train_images: a random part of so many.
        corrupted_images: test images that are corrupted.
    """

    out: Path
    icons: Path
    budget_minutes: float | None
    cells: tuple[str, ...]
    seeds: Positive
    jobs: Positive | None
    threads: Positive
    list: bool
    report: bool
    speed: bool
    epochs: Positive | None
    train_images: Positive | None
    corrupted_images: Positive | None

    @model_validator(mode="after")
    def _has_time(self) -> Self:
        if self.budget_minutes is not None and self.budget_minutes <= 0:
            raise ValueError(f"--budget-minutes {self.budget_minutes:g}: it must be above 0")
        return self


def add_grid_arguments(parser: argparse.ArgumentParser, study: Study) -> None:
    """Declare the options of `GridOptions`."""
    design = study.design
    unasked = "all" if design.unasked == ("*",) else " ".join(design.unasked)
    add = parser.add_argument
    add("--out", type=Path, required=True, metavar="DIR", help="for results and report; a study goes on from there")
    add("--icons", type=Path, default=Path("data/icons"), metavar="DIR", help="of `groupnl data icons` (%(default)s)")
    add("--budget-minutes", type=float, metavar="N", help="begin no cell that would not be done by then (no limit)")
    names = f"{design.form} with * ({unasked})"
    add("--cells", nargs="+", default=[*design.unasked], metavar="PATTERN", help=names)
    add("--seeds", type=int, default=SEEDS, metavar="N", help="how often each network is trained (%(default)s)")
    add("--jobs", type=int, metavar="N", help="cells side by side (as many as cores)")
    add("--threads", type=int, default=1, metavar="N", help="of each cell (%(default)s)")
    add("--list", action="store_true", help="print the cells and whether they are done; train nothing")
    add("--report", action="store_true", help="write the report of what is there; train nothing")
    add("--speed", action="store_true", help=f"time {study.timed} (a minute; on a quiet machine), then report")
    quick = parser.add_argument_group("for a quick look; recorded in the results, which are not mixed with others")
    quick.add_argument("--epochs", type=int, metavar="N", help="of the training")
    quick.add_argument("--train-images", type=int, metavar="N", help="a random part of so many")
    quick.add_argument("--corrupted-images", type=int, metavar="N", help="test images that are corrupted")


def run_study(options: GridOptions, study: Study, sources: Sources) -> int:
    """Train the cells that are missing, in balanced order, then write the report.

    Raises:
        ConfigError: an option that cannot be used, a data set is missing, the folder holds another study's results,
            another process trains in it, or a cell failed.
    """
    design = study.design
    cells = choose_cells(all_cells(design, options.seeds), options.cells, design.form)
    if options.list:
        for cell in cells:
            print("done   " if result_path(options.out, cell).is_file() else "missing", cell.name)
        return 0
    if options.speed:
        print(study.measure_speed(options.out, options.threads))
    elif not options.report:
        with locked(options.out, "choose another --out; the folders cells/ can be copied together"):
            _train(options, study, sources, cells)
    for path in study.write_report(options.out):
        print(path)
    return 0


def _train(options: GridOptions, study: Study, sources: Sources, cells: Sequence[StudyCell]) -> None:
    recipes = {trained: _recipe(recipe, options) for trained, recipe in study.design.recipes.items()}
    known = read_results(options.out, study.design)
    _refuse_other_recipes(known, recipes)
    todo = [cell for cell in cells if not result_path(options.out, cell).is_file()]
    plans = {cell.data: recipes[cell.data, cell.network].images for cell in todo}
    _refuse_other_images(known, _prepare(options.out, sources, plans))
    if known:
        study.write_report(options.out)  # from now on, whenever the study is stopped, it is of all that is done
    clock = Clock(None if options.budget_minutes is None else 60 * options.budget_minutes, known)
    plan = Plan(options.out, recipes, options.threads)
    failures = []
    with progress(total=len(cells), done=len(cells) - len(todo), unit="cells") as bar:
        for outcome in run_cells(todo, plan, options.jobs or usable_cores(), clock):
            bar.write(_line(outcome))
            if isinstance(outcome, Failure):
                failures.append(outcome)
            else:
                bar.update()
                study.write_report(options.out)
    if failures:
        raise ConfigError("\n".join(["these cells failed, and are tried again next time:", *map(_line, failures)]))


def _prepare(out: Path, sources: Sources, plans: Mapping[str, ImagePlan]) -> dict[str, PreparedRecord]:
    check(NAMES)
    return {
        data: prepare(data, partial(sources[data], plan.size), plan, data_folder(out, data))
        for data, plan in sorted(plans.items())
    }


def _recipe(recipe: Recipe, options: GridOptions) -> Recipe:
    """The recipe with what the quick options change."""
    images = {"train_images": options.train_images, "corrupted_images": options.corrupted_images}
    plan = recipe.images.model_copy(update={name: value for name, value in images.items() if value is not None})
    return recipe.model_copy(update={"images": plan, "epochs": options.epochs or recipe.epochs})


def _refuse_other_recipes(known: Sequence[Result], recipes: Recipes) -> None:
    for result in known:
        if result.recipe != recipes[result.data, result.network]:
            raise ConfigError(
                f"the results of {result.data}/{result.network} there were trained with another recipe "
                f"({result.recipe}); give the same options, or another --out"
            )


def _refuse_other_images(known: Sequence[Result], prepared: Mapping[str, PreparedRecord]) -> None:
    """Before anything is trained: its results could not be compared with those that are there."""
    for result in known:
        if result.data in prepared and result.images != prepared[result.data]:
            raise ConfigError(
                f"the images of {result.data} are not those of {result.cell.name}, which is there already: "
                "give the same images, or another --out"
            )


def _line(outcome: Result | Failure) -> str:
    if isinstance(outcome, Failure):
        return f"{outcome.cell.name}: {outcome.reason}"
    clean, corrupted = outcome.clean_right().mean(), outcome.corrupted_right().mean()
    return f"{outcome.cell.name}: clean {clean:.1%}, corrupted {corrupted:.1%}, {outcome.seconds / 60:.1f} min"
