"""groupnl.server.comparison: what verdicts are about, told by what lies in a run's store."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from groupnl.archive.read import CONFIG_FILE, DIGEST_FILE
from groupnl.server.comparison import Comparison, comparison_of


def _unpacked(folder: Path, digest: str, handler: dict[str, Any]) -> Path:
    folder.mkdir()
    (folder / DIGEST_FILE).write_text(f"{digest}\n")
    (folder / CONFIG_FILE).write_text(yaml.safe_dump({"handler": handler}))
    return folder


@pytest.mark.parametrize("handler", [{}, {"shadow": None}, {"shadow": {"share": 0.2, "seed": 3}}, {"shadow": "none"}])
def test_what_does_not_matter(tmp_path: Path, handler: dict[str, Any]) -> None:
    assert comparison_of(_unpacked(tmp_path / "model", "aa", handler)) == Comparison("aa", None, "[null, null]")


def test_what_matters(tmp_path: Path) -> None:
    twin = _unpacked(tmp_path / "twin", "bb", {})
    shadow = {"twin": "twin", "twin_dir": str(twin), "corruptions": ["fog"], "severities": [1, 5]}
    found = comparison_of(_unpacked(tmp_path / "model", "aa", {"shadow": shadow}))
    assert found == Comparison("aa", "bb", '[["fog"], [1, 5]]')
    without = comparison_of(_unpacked(tmp_path / "alone", "aa", {"shadow": shadow | {"twin": None}}))
    assert without == found._replace(twin=None)


def test_a_candidate_alone_is_told_from_all_else(tmp_path: Path) -> None:
    candidate = _unpacked(tmp_path / "candidate", "cc", {})
    shadow = {"candidate": "new", "candidate_dir": str(candidate)}
    found = comparison_of(_unpacked(tmp_path / "model", "aa", {"shadow": shadow}))
    without = comparison_of(_unpacked(tmp_path / "alone", "aa", {}))
    assert found == without._replace(candidate="cc")
    assert found.differs_by_candidate(without)
    assert not found.differs_by_candidate(found)
    assert not found.differs_by_candidate(without._replace(archive="bb"))
