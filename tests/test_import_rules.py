"""Who may import whom: the table in ARCHITECTURE.md against the imports of every file, also those inside functions."""

import ast
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# Vocabulary that every part of the library shares.
SHARED = ("groupnl.base", "groupnl.card", "groupnl.errors")
SOURCES = sorted(path for part in ("groupnl", "groupnl_studies", "handlers") for path in (ROOT / part).rglob("*.py"))


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path) for path in SOURCES}


def read_rules() -> dict[str, set[str]]:
    """Module -> what it may import, from the rows below the heading."""
    section = (
        (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8").split("## Who may import whom")[1].split("\n## ")[0]
    )
    rows = [line.split("|")[1:3] for line in section.splitlines() if line.startswith("| `")]
    names = [[set(re.findall(r"`([\w.]+)`", cell)) for cell in row] for row in rows]
    return {module: allowed for modules, allowed in names for module in modules}


RULES = read_rules()


def imports_of(path: Path) -> set[str]:
    """What a file imports; of `from package import name` the name too, where it is a module of ours."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: import absolutely, archives copy files flat"
            members = {f"{node.module}.{alias.name}" for alias in node.names} & MODULES
            found |= members or {node.module or ""}
    return found


def inside(module: str, package: str) -> bool:
    return module == package or module.startswith(package + ".")


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_follow_the_rules(path):
    module = module_of(path)
    if module == "groupnl":
        return
    own = [prefix for prefix in RULES if inside(module, prefix)]
    assert len(own) == 1, f"{module} needs one row in ARCHITECTURE.md's table, it has {own}"
    imports = {name for name in imports_of(path) if name.split(".")[0] not in sys.stdlib_module_names} - {"groupnl"}
    allowed = {*own, *RULES[own[0]], *SHARED}
    refused = {name for name in imports if not any(inside(name, prefix) for prefix in allowed)}
    assert not refused, f"{module} may not import {sorted(refused)}"


def test_every_rule_is_about_something():
    assert {prefix for prefix in RULES if not any(inside(module, prefix) for module in MODULES)} == set()
    imported = set().union(*(imports_of(path) for path in SOURCES))
    unused = {
        name for allowed in RULES.values() for name in allowed if not any(inside(used, name) for used in imported)
    }
    assert unused == set()


def test_only_one_module_reads_the_environment():
    readers = {module_of(path) for path in SOURCES if {"environ", "getenv"} & names_in(path)}
    assert readers == {"groupnl.base.environment"}


def names_in(path: Path) -> set[str]:
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return {getattr(node, "attr", getattr(node, "id", "")) for node in nodes}
