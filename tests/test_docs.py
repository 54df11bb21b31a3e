"""Every relative link of the documents leads somewhere, and what they call a module or a file of ours is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "serving_config").glob("*.md")])
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
NAME = re.compile(r"`((?:groupnl|groupnl_studies|handlers)(?:[./]\w+)*(?:\.py)?)`")


def is_ours(name: str) -> bool:
    """Whether a module, a name in a module, a folder or a file is there."""
    path = ROOT / name.removesuffix(".py").replace(".", "/")
    if path.is_dir() or path.with_suffix(".py").is_file() or (ROOT / name).exists():
        return True
    module = path.parent.with_suffix(".py") if path.parent.with_suffix(".py").is_file() else path.parent / "__init__.py"
    return module.is_file() and path.name in module.read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    links = LINK.findall(page.read_text(encoding="utf-8"))
    assert [link for link in links if "://" not in link and not (page.parent / link).exists()] == []


@pytest.mark.parametrize(
    "page", [page for page in PAGES if page.name != "CHANGELOG.md"], ids=lambda page: str(page.relative_to(ROOT))
)
def test_modules_that_are_named_exist(page):
    names = NAME.findall(page.read_text(encoding="utf-8"))
    assert [name for name in names if not is_ours(name)] == []
