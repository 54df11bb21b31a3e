"""The published training recipes: one file of settings for each network in `recipes/`."""

from pathlib import Path
from typing import Any

from groupnl.base.problems import nearest
from groupnl.base.yaml_file import read_mapping
from groupnl.errors import ConfigError, OptionError
from groupnl.training.config import TrainConfig

FOLDER = Path(__file__).parent / "recipes"
ENDING = ".yaml"


def recipe_names() -> tuple[str, ...]:
    """The published recipes, called by the network that each is for."""
    return tuple(sorted(path.stem for path in FOLDER.glob(f"*{ENDING}")))


def recipe_file(recipe: str) -> Path:
    """The file of a recipe.

    Args:
        recipe: a published name, or the path of a file.

    Raises:
        OptionError: neither.
    """
    names = recipe_names()
    path = FOLDER / f"{recipe}{ENDING}" if recipe in names else Path(recipe)
    if not path.is_file():
        advice = nearest(recipe, names) or f"; the published ones are {', '.join(names)}"
        raise OptionError(f"{recipe!r} is no published recipe and no file{advice}")
    return path


def read_recipe(recipe: str) -> dict[str, Any]:
    """The settings that a recipe gives: names of `TrainConfig`'s fields -> values, not yet checked.

    Raises:
        OptionError: no such recipe.
        ConfigError: an unreadable file, or a name that is no setting.
    """
    path = recipe_file(recipe)
    settings = read_mapping(path)
    if unknown := sorted(set(settings) - set(TrainConfig.model_fields)):
        advice = nearest(unknown[0], TrainConfig.model_fields) or "; `groupnl train --help` lists them"
        raise ConfigError(f"recipe {path}: {unknown[0]!r} is no setting{advice}")
    return settings
