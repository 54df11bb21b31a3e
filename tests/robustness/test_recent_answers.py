"""groupnl.robustness.recent_answers: an answer is found by its key, by whichever process; none is ever misread."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from groupnl.corruptions.names import NAMES
from groupnl.robustness.recent_answers import NO_CLASS, Answered, RecentAnswers, answers_file

# Several of these write the same few keys. What belongs to a note can be told from its class: a mixture of two cannot.
WRITER = """
import sys
from pathlib import Path
from groupnl.robustness.recent_answers import RecentAnswers
answers = RecentAnswers(20, Path(sys.argv[1]))
for turn in range(4000):
    best = turn * 4 + int(sys.argv[2])
    key = f"key-{turn % 5}"
    answers.answer(key, best, 1e9 + best)
    answers.answer_corrupted(key, "fog", best % 5 + 1, best)
"""


def test_all_that_is_known_of_an_answer() -> None:
    answers = RecentAnswers(100)
    answers.answer("one", 3, 1000.5)
    answers.answer("two", 0, 1001.0)
    assert answers.find("one") == Answered(1000.5, 3)
    answers.answer_corrupted("one", "fog", 5, 4)
    answers.answer_of_candidate("one", 7)
    answers.label("one")
    assert answers.find("one") == Answered(1000.5, 3, 4, "fog", 5, 7, is_labelled=True)
    assert answers.find("two") == Answered(1001.0, 0)
    assert answers.find("three") is None


def test_an_answer_that_is_none_of_the_classes() -> None:
    answers = RecentAnswers(1)
    answers.answer("one", 3, 1000.0)
    answers.answer_corrupted("one", "snow", 1, NO_CLASS)
    answers.answer_of_candidate("one", NO_CLASS)
    assert answers.find("one") == Answered(1000.0, 3, NO_CLASS, "snow", 1, NO_CLASS)


def test_what_was_not_answered_or_is_forgotten_gets_nothing_added() -> None:
    answers = RecentAnswers(1)
    answers.answer_corrupted("one", "fog", 5, 4)
    answers.answer_of_candidate("one", 7)
    answers.label("one")
    assert answers.find("one") is None


def test_an_image_that_comes_again_is_one_answer_and_its_label_has_come() -> None:
    answers = RecentAnswers(100)
    answers.answer("one", 3, 1000.0)
    answers.label("one")
    answers.answer("one", 3, 2000.0)
    assert answers.find("one") == Answered(2000.0, 3, is_labelled=True)


def test_the_latest_answers_are_known() -> None:
    answers = RecentAnswers(1000)
    for number in range(5000):
        answers.answer(f"key {number}", number, 1e9 + number)
    known = [number for number in range(5000) if answers.find(f"key {number}") is not None]
    assert sum(number >= 4000 for number in known) >= 980
    assert sum(number >= 4500 for number in known) >= 499
    assert len(known) <= 1600


def test_a_clock_that_is_set_back_makes_no_new_answer_forgotten() -> None:
    answers = RecentAnswers(10)
    for number in range(16):
        answers.answer(f"old {number}", number, 2e9)
    for number in range(16):
        answers.answer(f"new {number}", number, 1e9 + number)
    assert [answers.find(f"new {number}") is not None for number in range(16)] == [True] * 16


@pytest.mark.parametrize("name", NAMES)
def test_every_corruption_can_be_remembered(name: str) -> None:
    answers = RecentAnswers(1)
    answers.answer("one", 0, 1.0)
    answers.answer_corrupted("one", name, 2, 1)
    assert answers.find("one") == Answered(1.0, 0, 1, name, 2)


def test_odd_keys() -> None:
    answers = RecentAnswers(100)
    keys = ["", "k" * 6000, "\u00fc\u00ff", "a\tb", "\udc80", "\ud800", "\0"]
    for number, key in enumerate(keys):
        answers.answer(key, number, 1.0)
    assert [answers.find(key) for key in keys] == [Answered(1.0, number) for number in range(len(keys))]


def test_processes_share_a_file_that_outlives_them(tmp_path: Path) -> None:
    script = (
        "import os, sys; from pathlib import Path; from groupnl.robustness.recent_answers import RecentAnswers;"
        "RecentAnswers(1000, Path(sys.argv[1])).answer('one', 3, 1.0); os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", script, str(tmp_path / "answers")], check=False).returncode == -9
    reader = RecentAnswers(1000, tmp_path / "answers")
    assert reader.find("one") == Answered(1.0, 3)
    RecentAnswers(1000, tmp_path / "answers").answer("two", 4, 2.0)
    assert reader.find("two") == Answered(2.0, 4)
    assert (tmp_path / "answers").stat().st_mode & 0o777 == 0o600


def test_what_several_write_at_once_is_never_misread(tmp_path: Path) -> None:
    file = tmp_path / "answers"
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(file), str(number)]) for number in range(3)]
    answers, read = RecentAnswers(20, file), 0
    while any(writer.poll() is None for writer in writers):
        for number in range(5):
            if (found := answers.find(f"key-{number}")) is not None:
                read += 1
                assert found.answered == 1e9 + found.best
                assert found.best // 4 % 5 == number
                if found.corrupted is not None:
                    assert (found.corruption, found.severity) == ("fog", found.corrupted % 5 + 1)
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    assert read > 0


def test_half_a_note_is_none(tmp_path: Path) -> None:
    file = tmp_path / "answers"
    answers = RecentAnswers(10, file)
    answers.answer("one", 3, 1.0)
    content = file.read_bytes()
    (first,) = (at for at in range(0, len(content), 64) if content[at : at + 64].strip(b"\0"))
    for place in range(first, first + 64):
        with file.open("r+b") as damaged:
            damaged.seek(place)
            damaged.write(bytes([content[place] ^ 1]))
        assert answers.find("one") is None
        with file.open("r+b") as mended:
            mended.write(content)
        assert answers.find("one") == Answered(1.0, 3)
    with file.open("r+b") as damaged:
        damaged.seek(first + 20)
        damaged.write(b"\xff\xff")
    answers.answer("one", 4, 2.0)
    assert answers.find("one") == Answered(2.0, 4)


def test_a_disk_without_room_is_told_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(OSError, match="No space left"):
        RecentAnswers(1000, tmp_path / "answers")


def test_another_candidate_leaves_the_notes_and_not_what_the_first_one_answered(tmp_path: Path) -> None:
    one, two, none = (RecentAnswers(10, tmp_path / "answers", candidate) for candidate in ("a" * 64, "b" * 64, ""))
    one.answer("one", 3, 1.0)
    one.answer_of_candidate("one", 5)
    assert one.find("one") == Answered(1.0, 3, candidate=5)
    assert two.find("one") == none.find("one") == Answered(1.0, 3)
    two.answer_of_candidate("one", 6)
    assert two.find("one") == Answered(1.0, 3, candidate=6)
    assert one.find("one") == Answered(1.0, 3)


def test_another_archive_or_size_has_another_file() -> None:
    one, two = (hashlib.sha256(text).hexdigest() for text in (b"1", b"2"))
    files = {
        answers_file(Path("answers"), *named)
        for named in (("a", one, 10), ("b", one, 10), ("a", two, 10), ("a", one, 20))
    }
    assert len(files) == 4
    assert {file.parent for file in files} == {Path("answers")}
