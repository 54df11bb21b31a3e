"""The load tests know Locust and themselves, nothing of the service's code."""

import ast
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "loadtests"
FILES = sorted(FOLDER.rglob("*.py"))
# The rest is pure, and tested without replacing the standard library's sockets, as importing Locust does.
ALLOWED = {
    "locustfile.py": {"locust"},
    "_service.py": {"locust"},
    "_plot.py": {"matplotlib"},
    "_operator.py": {"psutil"},
}


def imported(path: Path) -> set[str]:
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return names | {node.module or "." for node in nodes if isinstance(node, ast.ImportFrom)}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_imports(path):
    packages = {name.split(".")[0] for name in imported(path)}
    assert packages - set(sys.stdlib_module_names) - {"loadtests"} <= ALLOWED.get(path.name, set())


def test_locust_loads_one_file():
    assert [path.name for path in FILES if not path.name.startswith("_")] == ["locustfile.py"]
