"""What replicas of a node remember is their user's alone, and goes with the cluster."""

import fcntl
import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from groupnl.cluster.memories import forget, memories
from groupnl.errors import ConfigError

HERE = os.getpid()  # stands for Ray's process of the node
MODELS = ["m"]
_REPLICA = """
import sys
from groupnl.cluster.memories import memories
with memories(int(sys.argv[1]), "session_1", ["m"]) as folder:
    print(folder, flush=True)
    sys.stdin.read()
"""


def _made(node, session="session_1", models=MODELS):
    """The folder of a replica that has ended."""
    with memories(node, session, models) as folder:
        return folder


@pytest.fixture
def ended():
    """Number of a process that has ended."""
    with subprocess.Popen(["true"]) as process:
        pass
    return process.pid


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path / f"groupnl-{os.getuid()}"


def test_both_folders_are_their_owners_alone(place):
    before = os.umask(0)
    try:
        folder = _made(HERE, models=["m", "a"])
    finally:
        os.umask(before)
    assert folder == place / f"{HERE}-session_1-a-m"
    assert [stat.S_IMODE(each.stat().st_mode) for each in (place, folder)] == [0o700] * 2
    assert _made(HERE, models=["a", "m"]) == folder


def test_what_others_have_prepared_is_refused(place, tmp_path):
    place.mkdir()
    place.chmod(0o777)
    with pytest.raises(ConfigError, match="not this user's alone"):
        _made(HERE)
    place.rmdir()
    (tmp_path / "elsewhere").mkdir()
    place.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigError, match="not this user's alone"):
        _made(HERE)


def test_the_end_of_a_cluster_leaves_others():
    gone, other = _made(HERE), _made(HERE, "session_2")
    (gone / "seen").write_text("x")
    forget("session_1")
    assert (gone.exists(), other.exists()) == (False, True)


def test_what_was_remembered_on_nodes_that_have_ended_is_removed(place, ended):
    (of_ended, here) = _made(ended), _made(HERE)
    other = place / "session_of-an-earlier-form"
    other.mkdir()
    assert _made(HERE, "session_2").exists()
    assert (of_ended.exists(), here.exists(), other.exists()) == (False, True, True)


def test_what_a_replica_uses_stays_though_its_node_is_not_seen(ended):
    """As of another container that shares the folder: there processes have other numbers."""
    with memories(ended, "session_1", MODELS) as used, memories(ended, "session_1", MODELS) as also:
        assert used == also
        (used / "seen").write_text("x")
        _made(HERE)
        assert (used / "seen").read_text() == "x"
    _made(HERE)
    assert not used.exists()


def test_a_replica_that_is_killed_lets_go(ended):
    with subprocess.Popen(
        [sys.executable, "-c", _REPLICA, str(ended)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as replica:
        used = Path(replica.stdout.readline().strip())
        _made(HERE)
        assert used.exists()
        replica.kill()
    _made(HERE)
    assert not used.exists()


def test_a_folder_is_not_removed_between_its_making_and_its_lock(place, ended):
    _made(HERE)
    half_made = place / f"{ended}-session_1-m"
    with (place / "lock").open("a") as turn, ThreadPoolExecutor() as threads:
        fcntl.flock(turn, fcntl.LOCK_EX)
        half_made.mkdir()
        other = threads.submit(_made, HERE)
        with pytest.raises(TimeoutError):
            other.result(0.3)
        assert half_made.exists()
        fcntl.flock(turn, fcntl.LOCK_UN)
        other.result()
    assert not half_made.exists()
