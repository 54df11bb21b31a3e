"""Mappings inside mappings, as configuration files have them."""

from typing import Any


def deep_merge(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """The mapping with some keys replaced, in mappings inside it too."""
    merged = dict(base)
    for key, value in changes.items():
        inner = base.get(key)
        if isinstance(inner, dict) and isinstance(value, dict):
            value = deep_merge(inner, value)
        merged[key] = value
    return merged
