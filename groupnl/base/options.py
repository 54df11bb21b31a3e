"""The options of a command, read once into a typed model; what does not fit is told by the option's name."""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from groupnl.base.addresses import without_secrets
from groupnl.base.problems import phrase, problems
from groupnl.base.yaml_file import read_mapping
from groupnl.errors import ConfigError, OptionError


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
SettingsOf = TypeVar("SettingsOf", bound=BaseModel)


def read_options(kind: type[OptionsOf], args: argparse.Namespace) -> OptionsOf:
    """The options that were parsed, as the command's own model of them.

    Raises:
        OptionError: a value that does not fit, naming its option.
    """
    try:
        return kind.model_validate(vars(args))
    except ValidationError as error:
        raise OptionError(_sentence(error.errors()[0])) from None


def read_settings(kind: type[SettingsOf], given: Mapping[str, Any], file: Path | None = None) -> SettingsOf:
    """The settings that options say, over those of a file.

    Args:
        kind: what the settings are.
        given: setting -> value, of the command line.
        file: YAML of settings, or None.

    Raises:
        OptionError: an option's value that does not fit, or options that do not go together.
        ConfigError: the file cannot be read, or a value of it does not fit; it is named.
    """
    content = read_mapping(file) if file else {}
    try:
        return strictly(kind, {**content, **given})
    except ValidationError as error:
        where = error.errors()[0]["loc"][:1]
        if file is None or (where and where[0] in given):
            raise OptionError(problems(error, kind)) from None
        raise ConfigError(f"{file}: {problems(error, kind)}") from None


def strictly(kind: type[SettingsOf], content: Mapping[str, Any]) -> SettingsOf:
    """The settings that a mapping says, where `true` and "2" are no numbers and 1 is no truth; but 1 is 1.0.

    Args:
        kind: what the settings are.
        content: of a YAML file, perhaps with values of options.

    Raises:
        ValidationError: what does not fit.
    """
    # As JSON has it, lists are tuples, and texts are paths: with Python's own values that would be refused as well.
    return kind.model_validate_json(json.dumps(content, default=str), strict=True)


def option_name(field: str) -> str:
    """The option of a field: ``batch_size`` is ``--batch-size``."""
    return f"--{field.replace('_', '-')}"


def _sentence(problem: Any) -> str:
    if not problem["loc"]:  # of several options together: the model's own validator names them
        return phrase(problem)
    return without_secrets(f"{option_name(str(problem['loc'][0]))} {problem['input']}: {phrase(problem)}")
