"""What replicas of a node remember is their user's alone, and goes with the cluster."""

import os
import stat
import subprocess

import pytest

from groupnl.cluster.memories import forget, memories
from groupnl.errors import ConfigError

HERE = os.getpid()  # stands for Ray's process of the node


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path / f"groupnl-{os.getuid()}"


def test_both_folders_are_their_owners_alone(place):
    before = os.umask(0)
    try:
        folder = memories(HERE, "session_1", ["m", "a"])
    finally:
        os.umask(before)
    assert folder == place / f"{HERE}-session_1-a-m"
    assert [stat.S_IMODE(each.stat().st_mode) for each in (place, folder)] == [0o700] * 2
    assert memories(HERE, "session_1", ["a", "m"]) == folder


def test_what_others_have_prepared_is_refused(place, tmp_path):
    place.mkdir()
    place.chmod(0o777)
    with pytest.raises(ConfigError, match="not this user's alone"):
        memories(HERE, "session_1", ["m"])
    place.rmdir()
    (tmp_path / "elsewhere").mkdir()
    place.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigError, match="not this user's alone"):
        memories(HERE, "session_1", ["m"])


def test_the_end_of_a_cluster_leaves_others():
    gone, other = memories(HERE, "session_1", ["m"]), memories(HERE, "session_2", ["m"])
    (gone / "seen").write_text("x")
    forget("session_1")
    assert (gone.exists(), other.exists()) == (False, True)


def test_what_was_remembered_on_nodes_that_have_ended_is_removed(place):
    with subprocess.Popen(["true"]) as node:
        ended, here = memories(node.pid, "session_1", ["m"]), memories(HERE, "session_1", ["m"])
        assert ended.exists()  # it has not been waited for
    other = place / "session_of-an-earlier-form"
    other.mkdir()
    assert memories(HERE, "session_1", ["m"]) == here
    assert (ended.exists(), here.exists(), other.exists()) == (False, True, True)
