"""The settings of a run as options of the command line, over those of a recipe."""

import argparse
from typing import Any, get_args, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from groupnl.base.options import SettingsOptions, option_name, strictly
from groupnl.base.problems import phrase
from groupnl.base.words import number, whole_number
from groupnl.errors import ConfigError, OptionError
from groupnl.training.config import TrainConfig
from groupnl.training.recipes import read_recipe, recipe_names

NONE = "none"  # on the command line: without what a recipe sets
# torchrun takes `--run` for an abbreviation of an option of its own, even after the program's name.
_ALSO = {"run": ("--run-folder",)}


class Options(SettingsOptions):
    """How `groupnl train` begins; the settings are those of `TrainConfig`.

    Attributes:
        recipe: published name, or file of settings to begin with.
        restart: forget the run's state and begin anew.
    """

    recipe: str | None
    restart: bool


def add_options(parser: argparse.ArgumentParser) -> None:
    """--recipe, one option for each field of `TrainConfig`, and --restart."""
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
        parser.add_argument(option_name(name), *_ALSO.get(name, ()), default=argparse.SUPPRESS, help=text, **kind)
    parser.add_argument("--restart", action="store_true", help="forget the run's state and begin anew")


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return " [must be given]"
    if field.default is None:
        return ""
    return f" [{','.join(field.default) if isinstance(field.default, tuple) else field.default}]"


def parse(options: Options) -> TrainConfig:
    """The settings that recipe and options say.

    Raises:
        OptionError: a value that does not fit, naming its option.
        ConfigError: a recipe that cannot be used.
    """
    given = {name: _value(name, word) for name, word in options.settings.items()}
    recipe = read_recipe(options.recipe) if options.recipe else {}
    try:
        return strictly(TrainConfig, recipe | given)
    except ValidationError as error:
        problem = error.errors()[0]
        of_recipe = problem["loc"][:1] and problem["loc"][0] in recipe and problem["loc"][0] not in given
        kind = ConfigError if of_recipe else OptionError
        raise kind(_sentence(problem, options.recipe, given)) from error


def _value(name: str, word: Any) -> Any:
    """What is typed for a field: None where that may be, a number for a number, else the word."""
    field = TrainConfig.model_fields[name]
    if word == NONE and field.default is None:
        return None
    kinds = {field.annotation, *get_args(field.annotation)}
    kinds |= {inner for kind in kinds for inner in get_args(kind)}  # Annotated[int, ...] | None
    try:
        if int in kinds:
            return whole_number(word)
        return number(word) if float in kinds and not any(get_origin(kind) is tuple for kind in kinds) else word
    except argparse.ArgumentTypeError as error:
        raise OptionError(f"{option_name(name)} {error}") from None


def _sentence(problem: Any, recipe: str | None, given: dict[str, Any]) -> str:
    name = str(problem["loc"][0])
    if problem["type"] == "missing" and len(problem["loc"]) == 1:
        return f"{option_name(name)} is missing: give it, or a --recipe that says it"
    origin = f" (of the recipe {recipe})" if name not in given else ""
    value = given.get(name, problem["input"])
    return f"{option_name(name)} {value!r}{origin}: {phrase(problem)}"
