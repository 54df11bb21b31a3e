"""`groupnl recipes`: the published recipes, or one of them in full."""

import argparse
import sys

from groupnl.base.options import Options as BaseOptions
from groupnl.base.options import strictly
from groupnl.training.config import TrainConfig
from groupnl.training.recipes import read_recipe, recipe_file, recipe_names

_COLUMNS = ("epochs", "batch_size", "opt", "lr", "weight_decay", "sched", "ema_decay")


class Options(BaseOptions):
    """What `groupnl recipes` shows.

    Attributes:
        recipe: a published name, or a file; None: the table of all.
    """

    recipe: str | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The recipe to show."""
    parser.add_argument("recipe", nargs="?", metavar="NAME", help="print this one's file [a table of all]")


def run(options: Options) -> int:
    """Print the table, or the file, which `groupnl train --recipe FILE` takes after changes too."""
    sys.stdout.write(recipe_file(options.recipe).read_text(encoding="utf-8") if options.recipe else _table())
    return 0


def _table() -> str:
    lines = [("recipe", *_COLUMNS), *(_row(name) for name in recipe_names())]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "".join(
        "  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip() + "\n"
        for line in lines
    )


def _row(name: str) -> tuple[str, ...]:
    config = strictly(TrainConfig, {"data": "DATA", **read_recipe(name)})
    return (name, *(str(getattr(config, column)) for column in _COLUMNS))
