"""The options of a command, read once into a typed model; what does not fit is told by the option's name."""

import argparse
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from groupnl.errors import ConfigError

# What pydantic says of a bound -> how we say it.
_BOUNDS = {
    "greater_than_equal": "it must be {ge:g} or more",
    "greater_than": "it must be above {gt:g}",
    "less_than_equal": "it must be {le:g} or less",
    "less_than": "it must be below {lt:g}",
}


class Options(BaseModel):
    """Base of a command's options: a field for each argument, named as the parser names it."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


class SettingsOptions(Options):
    """Base of a command whose other options are the settings of another model, which says what does not fit."""

    model_config = ConfigDict(extra="allow")

    @property
    def settings(self) -> dict[str, Any]:
        """What was given beside the fields: name -> value, not yet checked."""
        return dict(self.model_extra or {})


OptionsOf = TypeVar("OptionsOf", bound=Options)


def read_options(kind: type[OptionsOf], args: argparse.Namespace) -> OptionsOf:
    """The options that were parsed, as the command's own model of them.

    Raises:
        ConfigError: a value that does not fit, naming its option.
    """
    try:
        return kind.model_validate(vars(args))
    except ValidationError as error:
        raise ConfigError(_sentence(error.errors()[0])) from None


def option_name(field: str) -> str:
    """The option of a field: ``batch_size`` is ``--batch-size``."""
    return f"--{field.replace('_', '-')}"


def _sentence(problem: Any) -> str:
    message = problem["msg"].removeprefix("Value error, ")
    if not problem["loc"]:  # of several options together: the model's own validator names them
        return str(message)
    bound = _BOUNDS.get(problem["type"])
    message = bound.format(**problem["ctx"]) if bound else message
    return f"{option_name(str(problem['loc'][0]))} {problem['input']}: {message}"
