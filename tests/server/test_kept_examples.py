"""groupnl.server.examples: pictures are kept where the operator says so, and gone with the first start without."""

import time
from pathlib import Path

import pytest
from support.waiting import until

from groupnl.base import environment
from groupnl.errors import ConfigError
from groupnl.robustness.examples import Example, ExampleRecord, KeptExamples, Said, read_examples
from groupnl.server import examples
from groupnl.server.config import ServeConfig
from groupnl.server.examples import kept_examples


def _config(folder: Path, most: int) -> ServeConfig:
    return ServeConfig(examples_dir=folder, keep_examples=most)


def _keep(folder: Path, age_s: float = 0.0) -> None:
    said = Said(best="red", confidence=1)
    record = ExampleRecord(
        model="tiny", answered=time.time() - age_s, corruption="fog", severity=1, original=said, corrupted=said
    )
    KeptExamples(folder / "tiny", 100).keep(Example(record, b"", b""))


def test_by_default_there_is_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    said: list[str] = []
    with kept_examples(ServeConfig(), said.append) as variables:
        assert variables == {}
    assert said == []
    assert [*tmp_path.iterdir()] == []


def test_workers_are_told_where_and_the_operator_what(tmp_path: Path) -> None:
    folder = tmp_path / "some" / "examples"
    said: list[str] = []
    with kept_examples(_config(folder, 20), said.append) as variables:
        assert variables == {environment.EXAMPLES: str(folder), environment.EXAMPLES_KEPT: "20"}
        assert folder.stat().st_mode & 0o777 == 0o700
    assert said == [f"keeping pictures of clients: the newest 20 flips of each model, in {folder}"]


def test_a_start_without_removes_what_was_kept(tmp_path: Path) -> None:
    with kept_examples(_config(tmp_path / "examples", 20), print):
        _keep(tmp_path / "examples")
    with kept_examples(_config(tmp_path / "examples", 20), print):
        assert len(read_examples(tmp_path / "examples")) == 1
    with kept_examples(_config(tmp_path / "examples", 0), print):
        assert [*(tmp_path / "examples").iterdir()] == []


def test_a_start_with_fewer_keeps_fewer(tmp_path: Path) -> None:
    with kept_examples(_config(tmp_path / "examples", 20), print):
        for age_s in (3, 2, 1):
            _keep(tmp_path / "examples", age_s)
    with kept_examples(_config(tmp_path / "examples", 2), print):
        assert len(read_examples(tmp_path / "examples")) == 2


def test_what_is_too_old_goes_while_the_service_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examples, "PRUNE_S", 0.01)
    with kept_examples(_config(tmp_path / "examples", 20), print):
        _keep(tmp_path / "examples")
        monkeypatch.setattr("groupnl.robustness.examples.MOST_S", 0.0)
        until(lambda: not read_examples(tmp_path / "examples"))


def test_a_folder_that_others_may_enter_is_refused(tmp_path: Path) -> None:
    (tmp_path / "examples").mkdir(mode=0o755)
    with pytest.raises(ConfigError, match="others may enter"), kept_examples(_config(tmp_path / "examples", 1), print):
        pass


def test_a_folder_of_somebody_else_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "examples").mkdir(mode=0o700)
    monkeypatch.setattr("os.geteuid", lambda: (tmp_path / "examples").stat().st_uid + 1)
    with pytest.raises(ConfigError, match="others may enter"), kept_examples(_config(tmp_path / "examples", 1), print):
        pass


def test_a_link_to_itself_is_refused(tmp_path: Path) -> None:
    (tmp_path / "examples").symlink_to("examples")
    with pytest.raises(ConfigError, match="cannot be used"), kept_examples(_config(tmp_path / "examples", 1), print):
        pass


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "examples").touch(mode=0o600)
    with (
        pytest.raises(ConfigError, match="choose another --examples-dir"),
        kept_examples(_config(tmp_path / "examples", 1), print),
    ):
        pass
