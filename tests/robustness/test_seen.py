"""groupnl.robustness.seen: what came lately is known, by whichever worker saw it; what is old is forgotten."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from groupnl.robustness.fingerprint import ALIKE, Fingerprint
from groupnl.robustness.seen import Seen


def prints(count: int, seed: int = 0) -> list[Fingerprint]:
    """Of images that have nothing in common."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 2**64, (count, 4), np.uint64)
    return [
        Fingerprint(int(exact), row)
        for exact, row in zip(rng.integers(1, 2**64, count, np.uint64), coarse, strict=True)
    ]


def near(image: Fingerprint, bits: int, exact: int) -> Fingerprint:
    """Another image, whose look differs in so many bits."""
    flipped = np.packbits(np.arange(256) < bits).view(np.uint64)
    return Fingerprint(exact, image.coarse ^ flipped)


def test_the_same_image_is_known_and_others_are_not() -> None:
    seen = Seen(1000, 100)
    images = prints(100)
    assert [seen.look(image) for image in images] == [None] * 100
    assert [seen.look(image) for image in images] == ["same"] * 100


def test_what_looks_alike_is_known_up_to_the_limit() -> None:
    seen = Seen(1000, 100)
    (image,) = prints(1)
    assert seen.look(image) is None
    assert seen.look(near(image, ALIKE, 5)) == "similar"
    assert seen.look(near(image, ALIKE, 5)) == "same"
    assert seen.look(near(image, ALIKE + 1, 6)) is None


def test_a_blank_image_is_not_taken_for_a_free_place() -> None:
    blank = Fingerprint(1, np.zeros(4, np.uint64))
    assert Seen(0, 10).look(blank) is None


def test_a_scene_that_changes_slowly_is_chosen_anew() -> None:
    seen = Seen(1000, 100)
    (image,) = prints(1)
    found = [seen.look(near(image, bits, bits + 1)) for bits in range(0, 200, 10)]
    assert found.count(None) == 4  # at 0, 50, 100 and 150 bits


def test_a_clock_that_is_set_back_makes_nothing_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = Seen(0, 50)
    old, new = prints(50), prints(20, seed=1)
    for image in old:
        seen.look(image)
    monkeypatch.setattr(time, "time_ns", lambda: 1)
    assert [seen.look(image) for image in [*new, *new]] == [None] * 20 + ["similar"] * 20


@pytest.mark.parametrize(("same", "similar"), [(0, 0), (0, 10), (80, 0)])
def test_either_memory_can_be_left_out(same: int, similar: int) -> None:
    seen = Seen(same, similar)
    (image,) = prints(1)
    assert seen.look(image) is None
    assert (seen.look(image) is not None) == bool(same or similar)


def test_what_has_not_come_for_longest_is_forgotten() -> None:
    seen = Seen(4000, 0)
    favourite, *others = prints(40_001)
    seen.look(favourite)
    for place, image in enumerate(others):
        assert seen.look(image) is None
        if place % 1000 == 0:
            assert seen.look(favourite) == "same"  # it came lately, again and again
    late = [seen.look(image) == "same" for image in others[:-6000:-1]]
    assert sum(late[:2000]) >= 1990  # a place holds eight, and some places get more than others
    assert sum(late[:4000]) >= 3800
    assert [seen.look(image) for image in others[:10_000]].count("same") < 10
    few = Seen(0, 4)
    assert [few.look(image) for image in others[:5]] == [None] * 5
    assert few.look(others[4]) == "similar"
    assert few.look(others[0]) is None


def test_workers_share_a_file_and_one_that_comes_back_knows_it(tmp_path: Path) -> None:
    one, other = (Seen(1000, 100, tmp_path / "seen") for _ in range(2))
    first, second = prints(2)
    assert one.look(first) is None
    assert other.look(first) == "same"
    assert other.look(near(first, 3, 9)) == "similar"
    assert one.look(second) is None
    del one, other
    assert Seen(1000, 100, tmp_path / "seen").look(second) == "same"


def test_a_worker_that_is_killed_leaves_what_it_saw(tmp_path: Path) -> None:
    """Nothing is closed or written at the end: the file is the memory."""
    script = (
        "import os, sys, numpy as np; from pathlib import Path; from groupnl.robustness.seen import Seen;"
        "from groupnl.robustness.fingerprint import Fingerprint;"
        "print(Seen(1000, 100, Path(sys.argv[1])).look(Fingerprint(7, np.ones(4, np.uint64))), flush=True);"
        "os.kill(os.getpid(), 9)"
    )
    ended = subprocess.run([sys.executable, "-c", script, str(tmp_path / "seen")], capture_output=True, text=True)
    assert (ended.returncode, ended.stdout) == (-9, "None\n")
    assert Seen(1000, 100, tmp_path / "seen").look(Fingerprint(7, np.ones(4, np.uint64))) == "same"


def test_a_disk_without_room_is_told_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(OSError, match="No space left"):
        Seen(1000, 100, tmp_path / "seen")
