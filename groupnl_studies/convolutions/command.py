"""`groupnl study convolutions`: the convolutions in the same networks, trained alike, clean and corrupted."""

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Self

from pydantic import model_validator

from groupnl.base.cores import usable_cores
from groupnl.base.folder_lock import locked
from groupnl.base.numbers import Positive
from groupnl.base.options import Options as BaseOptions
from groupnl.base.progress import progress
from groupnl.corruptions import NAMES
from groupnl.corruptions.corrupt import check
from groupnl.errors import ConfigError
from groupnl_studies.convolutions.cells import StudyCell, all_cells, choose_cells
from groupnl_studies.convolutions.images import FASHION_MNIST, DataSet, read_fashion_mnist, read_icons
from groupnl_studies.convolutions.prepared import PreparedRecord, prepare
from groupnl_studies.convolutions.recipe import RECIPES, ImagePlan, Recipe
from groupnl_studies.convolutions.report import write_report
from groupnl_studies.convolutions.result import Result, read_results, result_path
from groupnl_studies.convolutions.run import Plan, data_folder
from groupnl_studies.convolutions.schedule import Clock, Failure, run_cells
from groupnl_studies.convolutions.speed import measure_speed

SEEDS = 3


class Options(BaseOptions):
    """What `groupnl study convolutions` trains.

    Attributes:
        out: folder of the study.
        icons: folder of `groupnl data icons`.
        fashion_mnist: folder of its four files.
        budget_minutes: no cell is begun that would not be done by then; None: no limit.
        cells: patterns of names of cells.
        seeds: how often each network is trained.
        jobs: cells side by side; None: as many as cores.
        threads: of each cell.
        list: print the cells, train nothing.
        report: write the report, train nothing.
        speed: time the forward passes, then report.
        epochs: of the training; None, here and below: as the recipe says.
        train_images: a random part of so many.
        corrupted_images: test images that are corrupted.
    """

    out: Path
    icons: Path
    fashion_mnist: Path
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


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `groupnl study convolutions`."""
    add = parser.add_argument
    add("--out", type=Path, required=True, metavar="DIR", help="for results and report; a study goes on from there")
    add("--icons", type=Path, default=Path("data/icons"), metavar="DIR", help="of `groupnl data icons` (%(default)s)")
    add("--fashion-mnist", type=Path, default=FASHION_MNIST, metavar="DIR", help="its four .gz files (%(default)s)")
    add("--budget-minutes", type=float, metavar="N", help="begin no cell that would not be done by then (no limit)")
    add("--cells", nargs="+", default=["*"], metavar="PATTERN", help="DATA/NETWORK/CONVOLUTION/SEED with * (all)")
    add("--seeds", type=int, default=SEEDS, metavar="N", help="how often each network is trained (%(default)s)")
    add("--jobs", type=int, metavar="N", help="cells side by side (as many as cores)")
    add("--threads", type=int, default=1, metavar="N", help="of each cell (%(default)s)")
    add("--list", action="store_true", help="print the cells and whether they are done; train nothing")
    add("--report", action="store_true", help="write the report of what is there; train nothing")
    add("--speed", action="store_true", help="time the forward passes (a minute; on a quiet machine), then report")
    quick = parser.add_argument_group("for a quick look; recorded in the results, which are not mixed with others")
    quick.add_argument("--epochs", type=int, metavar="N", help="of the training")
    quick.add_argument("--train-images", type=int, metavar="N", help="a random part of so many")
    quick.add_argument("--corrupted-images", type=int, metavar="N", help="test images that are corrupted")


def run(options: Options) -> int:
    """Train the cells that are missing, in balanced order, then write the report.

    Raises:
        ConfigError: an option that cannot be used, a data set is missing, the folder holds another study's results,
            another process trains in it, or a cell failed.
    """
    recipes = {trained: _recipe(recipe, options) for trained, recipe in RECIPES.items()}
    cells = choose_cells(all_cells(options.seeds), options.cells)
    if options.list:
        for cell in cells:
            print("done   " if result_path(options.out, cell).is_file() else "missing", cell.name)
        return 0
    if options.speed:
        print(measure_speed(options.out, options.threads))
    elif not options.report:
        with locked(options.out, "choose another --out; the folders cells/ can be copied together"):
            _train(options, recipes, cells)
    for path in write_report(options.out):
        print(path)
    return 0


def _train(options: Options, recipes: dict[tuple[str, str], Recipe], cells: Sequence[StudyCell]) -> None:
    known = read_results(options.out)
    _refuse_other_recipes(known, recipes)
    todo = [cell for cell in cells if not result_path(options.out, cell).is_file()]
    plans = {cell.data: recipes[cell.data, cell.network].images for cell in todo}
    _refuse_other_images(known, _prepare(options, plans))
    if known:
        write_report(options.out)  # from now on, whenever the study is stopped, it is of all that is done
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
                write_report(options.out)
    if failures:
        raise ConfigError("\n".join(["these cells failed, and are tried again next time:", *map(_line, failures)]))


def _prepare(options: Options, plans: dict[str, ImagePlan]) -> dict[str, PreparedRecord]:
    sources: dict[str, Callable[[int], DataSet]] = {
        "icons": partial(read_icons, options.icons),
        "fashion-mnist": partial(read_fashion_mnist, options.fashion_mnist),
    }
    check(NAMES)
    return {
        data: prepare(data, partial(sources[data], plan.size), plan, data_folder(options.out, data))
        for data, plan in sorted(plans.items())
    }


def _recipe(recipe: Recipe, options: Options) -> Recipe:
    """The recipe with what the quick options change."""
    images = {"train_images": options.train_images, "corrupted_images": options.corrupted_images}
    plan = recipe.images.model_copy(update={name: value for name, value in images.items() if value is not None})
    return recipe.model_copy(update={"images": plan, "epochs": options.epochs or recipe.epochs})


def _refuse_other_recipes(known: Sequence[Result], recipes: dict[tuple[str, str], Recipe]) -> None:
    for result in known:
        if result.recipe != recipes[result.data, result.network]:
            raise ConfigError(
                f"the results of {result.data}/{result.network} there were trained with another recipe "
                f"({result.recipe}); give the same options, or another --out"
            )


def _refuse_other_images(known: Sequence[Result], prepared: dict[str, PreparedRecord]) -> None:
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
