"""What replicas of a node remember is their user's alone, and goes with the cluster."""

import os
import stat

import pytest

from groupnl.cluster.memories import forget, memories
from groupnl.errors import ConfigError


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path / f"groupnl-{os.getuid()}"


def test_both_folders_are_their_owners_alone(place):
    before = os.umask(0)
    try:
        folder = memories("session_1", ["m", "a"])
    finally:
        os.umask(before)
    assert folder == place / "session_1-a-m"
    assert [stat.S_IMODE(each.stat().st_mode) for each in (place, folder)] == [0o700] * 2
    assert memories("session_1", ["a", "m"]) == folder


def test_what_others_have_prepared_is_refused(place, tmp_path):
    place.mkdir()
    place.chmod(0o777)
    with pytest.raises(ConfigError, match="not this user's alone"):
        memories("session_1", ["m"])
    place.rmdir()
    (tmp_path / "elsewhere").mkdir()
    place.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigError, match="not this user's alone"):
        memories("session_1", ["m"])


def test_the_end_of_a_cluster_leaves_others():
    gone, other = memories("session_1", ["m"]), memories("session_2", ["m"])
    (gone / "seen").write_text("x")
    forget("session_1")
    assert (gone.exists(), other.exists()) == (False, True)
