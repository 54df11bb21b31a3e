"""Configuration files: YAML mappings, read safely."""

from pathlib import Path
from typing import Any

import yaml

from groupnl.errors import ConfigError


def read_mapping(file: Path) -> dict[str, Any]:
    """The names and values of a YAML file; an empty file has none.

    Raises:
        ConfigError: the file cannot be read, or is no mapping.
    """
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        raise ConfigError(f"cannot read the configuration file {file}: {error}") from None
    if not isinstance(content, dict | None):
        raise ConfigError(f"the configuration file {file} must be a mapping of names to values")
    return content or {}
