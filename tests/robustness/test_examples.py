"""groupnl.robustness.examples: the newest flips, bounded in number, bytes and age, readable by their owner alone."""

import os
from pathlib import Path

import pytest

from groupnl.errors import ConfigError
from groupnl.robustness import examples
from groupnl.robustness.examples import (
    MOST_S,
    Example,
    ExampleRecord,
    KeptExamples,
    Said,
    prune_examples,
    read_examples,
)

NOW = 1_000_000_000.0


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: NOW)


def example(age_s: float = 0.0, model: str = "tiny", picture: bytes = b"original") -> Example:
    record = ExampleRecord(
        model=model,
        answered=NOW - age_s,
        corruption="fog",
        severity=3,
        original=Said(best="red", confidence=0.75),
        corrupted=Said(best=None, confidence=0),
    )
    return Example(record, picture, b"corrupted")


def ages(folder: Path) -> list[float]:
    return [NOW - one.record.answered for one in read_examples(folder)]


def test_an_example_is_read_as_it_was_kept(tmp_path: Path) -> None:
    KeptExamples(tmp_path / "tiny", 10).keep(example())
    assert read_examples(tmp_path) == [example()]


def test_the_newest_stay(tmp_path: Path) -> None:
    kept = KeptExamples(tmp_path / "tiny", 3)
    for age_s in (50, 40, 30, 20, 10):
        kept.keep(example(age_s))
    assert ages(tmp_path) == [10, 20, 30]
    assert len([*(tmp_path / "tiny").iterdir()]) == 9


def test_each_model_has_its_own(tmp_path: Path) -> None:
    for number, model in enumerate(("one", "two")):
        for age_s in (30, 20, 10):
            KeptExamples(tmp_path / model, 2).keep(example(age_s + number, model))
    assert ages(tmp_path) == [10, 11, 20, 21]


def test_others_see_nothing_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        KeptExamples(tmp_path / "tiny", 2).keep(example())
    finally:
        os.umask(before)
    assert (tmp_path / "tiny").stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in (tmp_path / "tiny").iterdir()} == {0o600}


def test_what_is_too_old_goes_also_when_nothing_new_comes(tmp_path: Path) -> None:
    kept = KeptExamples(tmp_path / "tiny", 10)
    for age_s in (MOST_S - 10, 0):
        kept.keep(example(age_s))
    prune_examples(tmp_path, 10, NOW)
    assert ages(tmp_path) == [0, MOST_S - 10]
    prune_examples(tmp_path, 10, NOW + 20)
    assert ages(tmp_path) == [0]
    prune_examples(tmp_path, 10, NOW + MOST_S + 1)
    assert ages(tmp_path) == []


def test_what_comes_from_a_future_that_was_none_does_not_stay(tmp_path: Path) -> None:
    kept = KeptExamples(tmp_path / "tiny", 1)
    kept.keep(example(-86_400))
    kept.keep(example())
    kept.keep(example(-1))
    assert ages(tmp_path) == [-1]


def test_bytes_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examples, "MOST_BYTES", 10_000)
    kept = KeptExamples(tmp_path / "tiny", 100)
    for age_s in (50, 40, 30, 20, 10):
        kept.keep(example(age_s, picture=bytes(4000)))
    assert ages(tmp_path) == [10, 20]
    kept.keep(example(picture=bytes(20_000)))
    assert ages(tmp_path) == []


def test_none_are_kept_any_more(tmp_path: Path) -> None:
    for model in ("one", "two"):
        KeptExamples(tmp_path / model, 2).keep(example(model=model))
    (tmp_path / "two" / "notes.txt").write_text("of the operator")
    (tmp_path / "empty").mkdir()  # none of ours
    prune_examples(tmp_path, 0, NOW)
    assert {str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*")} == {"empty", "two", "two/notes.txt"}


def test_half_written_ones_are_not_read_and_leave_at_last(tmp_path: Path) -> None:
    kept = KeptExamples(tmp_path / "tiny", 2)
    kept.keep(example(10))
    for file in (tmp_path / "tiny").glob("*.json"):
        file.unlink()
    kept.keep(example())
    assert ages(tmp_path) == [0]
    kept.keep(example(-1))
    assert len([*(tmp_path / "tiny").iterdir()]) == 6


def test_a_record_that_is_being_written_is_not_read(tmp_path: Path) -> None:
    kept = KeptExamples(tmp_path / "tiny", 2)
    kept.keep(example(10))
    for file in (tmp_path / "tiny").glob("*.json"):
        file.write_bytes(b"")
    kept.keep(example())
    assert ages(tmp_path) == [0]


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    really = examples._write

    def full(file: Path, content: bytes) -> None:
        really(file, content[:3])
        if "corrupted" in file.name:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(examples, "_write", full)
    with pytest.raises(OSError, match="No space left"):
        KeptExamples(tmp_path / "tiny", 2).keep(example())
    assert [*(tmp_path / "tiny").iterdir()] == []


def test_a_record_that_is_none_is_told_by_name(tmp_path: Path) -> None:
    KeptExamples(tmp_path / "tiny", 2).keep(example())
    (record,) = (tmp_path / "tiny").glob("*.json")
    record.write_text("{}")
    with pytest.raises(ConfigError, match=str(record)):
        read_examples(tmp_path)


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read_examples(tmp_path / "missing")


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    KeptExamples(tmp_path / "elsewhere" / "tiny", 2).keep(example())
    (tmp_path / "examples").mkdir()
    (tmp_path / "examples" / "tiny").symlink_to(tmp_path / "elsewhere" / "tiny")
    prune_examples(tmp_path / "examples", 0, NOW)
    assert ages(tmp_path / "examples") == []
    assert ages(tmp_path / "elsewhere") == [0]
