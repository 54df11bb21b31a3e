"""The settings of a run as options of the command line, over those of a recipe."""

import argparse
from typing import Any

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from groupnl.errors import ConfigError
from groupnl.training.config import TrainConfig
from groupnl.training.recipes import read_recipe, recipe_names

NONE = "none"  # on the command line: without what a recipe sets
# torchrun takes `--run` for an abbreviation of an option of its own, even after the program's name.
_ALSO = {"run": ("--run-folder",)}


def add_options(parser: argparse.ArgumentParser) -> None:
    """--recipe, and one option for each field of `TrainConfig`."""
    parser.add_argument(
        "--recipe",
        metavar="NAME|FILE",
        help=f"settings to begin with; the options override them. Published: {', '.join(recipe_names())}",
    )
    for name, field in TrainConfig.model_fields.items():
        text = f"{field.description}{_default(field)}".replace("%", "%%")
        kind: dict[str, Any] = {"metavar": "VALUE"}
        if field.annotation is bool:
            kind = {"action": argparse.BooleanOptionalAction}
        parser.add_argument(_option(name), *_ALSO.get(name, ()), default=argparse.SUPPRESS, help=text, **kind)


def _option(name: object) -> str:
    return f"--{str(name).replace('_', '-')}"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return " [must be given]"
    if field.default is None:
        return ""
    return f" [{','.join(field.default) if isinstance(field.default, tuple) else field.default}]"


def parse(args: argparse.Namespace) -> TrainConfig:
    """The settings that recipe and options say.

    Raises:
        ConfigError: a value that does not fit, naming its option, or a recipe that cannot be used.
    """
    options = {name: value for name, value in vars(args).items() if name in TrainConfig.model_fields}
    for name, value in options.items():
        if value == NONE and TrainConfig.model_fields[name].default is None:
            options[name] = None
    recipe = read_recipe(args.recipe) if args.recipe else {}
    try:
        return TrainConfig(**recipe | options)
    except ValidationError as error:
        raise ConfigError(_sentence(error.errors()[0], args.recipe, options)) from error


def _sentence(problem: Any, recipe: str | None, options: dict[str, Any]) -> str:
    name = str(problem["loc"][0])
    if problem["type"] == "missing" and len(problem["loc"]) == 1:
        return f"{_option(name)} is missing: give it, or a --recipe that says it"
    origin = f" (of the recipe {recipe})" if name not in options else ""
    given = options.get(name, problem["input"])
    return f"{_option(name)} {given!r}{origin}: {problem['msg']}"
