"""Configuration files: YAML mappings, read safely. A name that stands twice is refused, and one that is no text."""

import re
from pathlib import Path
from typing import Any

import yaml

from groupnl.errors import ConfigError

_TEXT = "tag:yaml.org,2002:str"
_MERGE = "tag:yaml.org,2002:merge"
_FLOAT = "tag:yaml.org,2002:float"


class _Loader(yaml.SafeLoader):
    """YAML whose mappings mean what they say."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        lines: dict[str, int] = {}
        for key, _ in node.value:
            line = key.start_mark.line + 1
            if key.tag == _MERGE:
                continue
            if key.tag != _TEXT:
                raise ConfigError(f"line {line}: the name {_shown(key)} must be text; put it in quotes if it is one")
            if key.value in lines:
                raise ConfigError(f"line {line}: {key.value} stands in line {lines[key.value]} already; remove one")
            lines[key.value] = line
        return node


# Later versions of YAML have these numbers, and people write them; PyYAML would take them for texts.
_Loader.add_implicit_resolver(_FLOAT, re.compile(r"[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$"), list("-+0123456789"))


def read_mapping(file: Path) -> dict[str, Any]:
    """The names and values of a YAML file; an empty file has none.

    Raises:
        ConfigError: the file cannot be read, is no mapping, or has a mapping with a name that stands twice or is no
            text.
    """
    try:
        content = yaml.load(file.read_text(encoding="utf-8"), _Loader)  # noqa: S506 (it is a safe one)
    except ConfigError as error:
        raise ConfigError(f"the configuration file {file}, {error}") from None
    except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:  # ValueError: 30 February; no UTF-8
        raise ConfigError(f"cannot read the configuration file {file}: {error}") from None
    if not isinstance(content, dict | None):
        raise ConfigError(f"the configuration file {file} must be a mapping of names to values")
    return content or {}


def _shown(key: yaml.Node) -> str:
    return key.value if isinstance(key, yaml.ScalarNode) else "that is no single word"
