"""Unit tests of promtool with the rules alone that they depend on: it computes all that it is given, at every step."""

import re
from pathlib import Path
from typing import Any

import yaml

_NAME = re.compile(r"[a-zA-Z_:][\w:]*")


def with_needed_rules(content: dict[str, Any], home: Path, folder: Path) -> Path:
    """Write such a test; returns its file.

    Args:
        content: of the test with all rules.
        home: folder from which its `rule_files` are named.
        folder: for the files; exists.
    """
    files = {file: yaml.safe_load((home / file).read_text()) for file in content["rule_files"]}
    groups = [group for rules in files.values() for group in rules["groups"]]
    needed = _needed(_asked(content), [rule for group in groups for rule in group["rules"]])
    for group in groups:
        group["rules"] = [rule for rule in group["rules"] if _name(rule) in needed]
    written = [folder / Path(file).name for file in files]
    for file, rules in zip(written, files.values(), strict=True):
        file.write_text(yaml.safe_dump(rules))
    test = folder / "unit_test.yml"
    test.write_text(yaml.safe_dump(content | {"rule_files": [str(file) for file in written]}))
    return test


def _asked(content: dict[str, Any]) -> set[str]:
    """What its cases look at."""
    cases = [case for test in content["tests"] for case in test.get("promql_expr_test", [])]
    alerts = [case["alertname"] for test in content["tests"] for case in test.get("alert_rule_test", [])]
    return {*alerts, *(name for case in cases for name in _NAME.findall(case["expr"]))}


def _needed(asked: set[str], rules: list[dict[str, Any]]) -> set[str]:
    """With what that is computed from, and so on."""
    found = {name for rule in rules if _name(rule) in asked for name in _NAME.findall(rule["expr"])}
    return asked if found <= asked else _needed(asked | found, rules)


def _name(rule: dict[str, Any]) -> str:
    return str(rule.get("record") or rule["alert"])
