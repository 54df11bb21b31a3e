"""The published training recipes: one file of settings for each network in `recipes/`."""

from pathlib import Path
from typing import Any

from groupnl.base.yaml_file import read_mapping
from groupnl.errors import ConfigError
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
        ConfigError: neither.
    """
    path = FOLDER / f"{recipe}{ENDING}" if recipe in recipe_names() else Path(recipe)
    if not path.is_file():
        raise ConfigError(f"--recipe {recipe}: no such file; the published ones are {', '.join(recipe_names())}")
    return path


def read_recipe(recipe: str) -> dict[str, Any]:
    """The settings that a recipe gives: names of `TrainConfig`'s fields -> values, not yet checked.

    Raises:
        ConfigError: no such recipe, an unreadable file, or a name that is no setting.
    """
    path = recipe_file(recipe)
    settings = read_mapping(path)
    if unknown := sorted(set(map(str, settings)) - set(TrainConfig.model_fields)):
        raise ConfigError(f"recipe {path}: {unknown[0]!r} is no setting of `groupnl train --help`")
    return settings
