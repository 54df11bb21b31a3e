"""groupnl.validation.crew.door and torchrun's first process, over real connections."""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Timer

import pytest

from groupnl.errors import ConfigError
from groupnl.validation.crew import door as door_module
from groupnl.validation.crew.door import Door, enter
from groupnl.validation.crew.member import work
from groupnl.validation.crew.torchrun import Torchrun

HOST = "127.0.0.1"
LIMIT_S = 30.0


@pytest.fixture
def others() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as others:
        yield others


@pytest.fixture
def door() -> Iterator[Door]:
    with Door(HOST, 8) as door:
        yield door


def port_of(door: Door) -> int:
    return int(door.told.split()[0])


@pytest.mark.parametrize("said", [b"", b"\r\n", b"GET / HTTP/1.1\r\n\r\n", b"\0\0\0\4none", None])
def test_strangers_are_sent_away_and_others_let_in(
    door: Door, others: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch, said: bytes | None
) -> None:
    """None: one who closes at once."""
    monkeypatch.setattr(door_module, "_ANSWER_S", 1)
    with socket.create_connection((HOST, port_of(door))) as stranger:
        if said is None:
            stranger.close()
        else:
            stranger.sendall(said)
        entered = others.submit(enter, HOST, lambda: door.told, LIMIT_S)
        with door.let_in() as ours, entered.result(LIMIT_S) as theirs:
            ours.send("a piece")
            assert theirs.recv() == "a piece"


def test_who_is_let_in_may_think_for_longer(
    door: Door, others: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door_module, "_ANSWER_S", 1)
    entered = others.submit(enter, HOST, lambda: door.told, LIMIT_S)
    with door.let_in() as ours, entered.result(LIMIT_S) as theirs:
        later = Timer(1.5, theirs.send, ("found",))
        later.start()
        assert ours.recv() == "found"
        later.join()


def test_a_door_that_is_no_more_and_a_wrong_key_are_asked_for_again(door: Door, others: ThreadPoolExecutor) -> None:
    """As after a restart, where the store tells of the first process of before."""
    with Door(HOST, 1) as before:
        gone = before.told
    told = iter([gone, f"{port_of(door)} {gone.split()[1]}", door.told])
    entered = others.submit(enter, HOST, lambda: next(told), LIMIT_S)
    with door.let_in() as ours, entered.result(LIMIT_S) as theirs:
        ours.send(1)
        assert theirs.recv() == 1


def test_nobody_opens() -> None:
    with Door(HOST, 1) as before:
        gone = before.told
    with pytest.raises(ConfigError, match=rf"does not let this one in at {HOST}:\d+ \(.*Connection refused"):
        enter(HOST, lambda: gone, 0.0)


def test_where_nothing_is_to_be_counted_all_go(door: Door, others: ThreadPoolExecutor) -> None:
    def other() -> None:
        with enter(HOST, lambda: door.told, LIMIT_S) as link:
            work(link, 0)

    working = [others.submit(other) for _ in range(2)]
    Torchrun(door, 2).dismiss()
    assert [each.result(LIMIT_S) for each in working] == [None, None]
