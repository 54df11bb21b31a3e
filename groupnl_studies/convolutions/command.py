"""`groupnl study convolutions`: the convolutions in the same networks, trained alike, clean and corrupted."""

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from tqdm import tqdm

from groupnl.base.cores import usable_cores
from groupnl.base.folder_lock import locked
from groupnl.corruptions.kinds.frost import require_textures
from groupnl.errors import ConfigError
from groupnl_studies.convolutions.cells import Cell, all_cells, choose_cells
from groupnl_studies.convolutions.images import FASHION_MNIST, ImageSet, read_fashion_mnist, read_icons
from groupnl_studies.convolutions.prepared import PreparedRecord, prepare
from groupnl_studies.convolutions.recipe import RECIPES, ImagePlan, Recipe
from groupnl_studies.convolutions.report import write_report
from groupnl_studies.convolutions.result import Result, read_results, result_path
from groupnl_studies.convolutions.run import Plan, data_folder
from groupnl_studies.convolutions.schedule import Clock, Failure, run_cells
from groupnl_studies.convolutions.speed import measure_speed

SEEDS = 3


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


def run(args: argparse.Namespace) -> int:
    """Train the cells that are missing, in balanced order, then write the report.

    Raises:
        ConfigError: an option that cannot be used, a data set is missing, the folder holds another study's results,
            another process trains in it, or a cell failed.
    """
    _check(args)
    recipes = {trained: _recipe(recipe, args) for trained, recipe in RECIPES.items()}
    cells = choose_cells(all_cells(args.seeds), args.cells)
    if args.list:
        for cell in cells:
            print("done   " if result_path(args.out, cell).is_file() else "missing", cell.name)
        return 0
    if args.speed:
        measure_speed(args.out, args.threads)
    elif not args.report:
        with locked(args.out, "choose another --out; the folders cells/ can be copied together"):
            _train(args, recipes, cells)
    for path in write_report(args.out):
        print(path)
    return 0


def _train(args: argparse.Namespace, recipes: dict[tuple[str, str], Recipe], cells: Sequence[Cell]) -> None:
    known = read_results(args.out)
    _refuse_other_recipes(known, recipes)
    todo = [cell for cell in cells if not result_path(args.out, cell).is_file()]
    plans = {cell.data: recipes[cell.data, cell.network].images for cell in todo}
    _refuse_other_images(known, _prepare(args, plans))
    if known:
        write_report(args.out)  # from now on, whenever the study is stopped, it is of all that is done
    clock = Clock(None if args.budget_minutes is None else 60 * args.budget_minutes, known)
    plan = Plan(args.out, recipes, args.threads)
    failures = []
    with tqdm(total=len(cells), initial=len(cells) - len(todo), unit="cell") as bar:
        for outcome in run_cells(todo, plan, args.jobs or usable_cores(), clock):
            bar.write(_line(outcome))
            if isinstance(outcome, Failure):
                failures.append(outcome)
            else:
                bar.update()
                write_report(args.out)
    if failures:
        raise ConfigError("\n".join(["these cells failed, and are tried again next time:", *map(_line, failures)]))


def _prepare(args: argparse.Namespace, plans: dict[str, ImagePlan]) -> dict[str, PreparedRecord]:
    sources: dict[str, Callable[[int], ImageSet]] = {
        "icons": partial(read_icons, args.icons),
        "fashion-mnist": partial(read_fashion_mnist, args.fashion_mnist),
    }
    require_textures()
    return {
        data: prepare(data, partial(sources[data], plan.size), plan, data_folder(args.out, data))
        for data, plan in sorted(plans.items())
    }


def _recipe(recipe: Recipe, args: argparse.Namespace) -> Recipe:
    """The recipe with what the quick options change."""
    images = {"train_images": args.train_images, "corrupted_images": args.corrupted_images}
    plan = recipe.images.model_copy(update={name: value for name, value in images.items() if value is not None})
    return recipe.model_copy(update={"images": plan, "epochs": args.epochs or recipe.epochs})


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


def _check(args: argparse.Namespace) -> None:
    for name in ("seeds", "jobs", "threads", "epochs", "train_images", "corrupted_images"):
        value = getattr(args, name)
        if value is not None and value < 1:
            raise ConfigError(f"--{name.replace('_', '-')} {value}: it must be 1 or more")
    if args.budget_minutes is not None and args.budget_minutes <= 0:
        raise ConfigError(f"--budget-minutes {args.budget_minutes:g}: it must be above 0")
