"""Handing out pieces over real connections: threads at their other ends, some of which close them in the middle."""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import Pipe

import pytest
import torch

from groupnl.errors import ConfigError
from groupnl.validation.crew.job import Told
from groupnl.validation.crew.linked import Linked, Member
from groupnl.validation.crew.member import Link, work
from groupnl.validation.crew.messages import Answered, Found, Wish


class Doubling:
    """A job that reads two pieces ahead, as loading processes do."""

    device = torch.device("cpu")
    cores = 1

    @contextmanager
    def opened(self, ordinal: int) -> Iterator[Callable[[Iterable[int], Told], Iterator[int]]]:
        yield self._count

    def _count(self, pieces: Iterable[int], told: Told) -> Iterator[int]:
        held: list[int] = []
        for piece in pieces:
            held.append(piece)
            if len(held) > 2:
                yield self._doubled(held.pop(0), told)
        while held:
            yield self._doubled(held.pop(0), told)

    def _doubled(self, piece: int, told: Told) -> int:
        if piece < 0:
            raise ConfigError(f"{piece} is less than none")
        told(1)
        return 2 * piece


def dying(link: Link, _: int) -> None:
    """Takes two pieces, has answered a part of the first, and is gone."""
    with link:
        link.recv()
        for patient in (True, False):
            link.send(Wish(patient))
            link.recv()
        link.send(Answered(7))


def late(link: Link, _: int) -> None:
    """Counts one piece, waits for another one, and is gone."""
    with link:
        link.recv()
        link.send(Wish(patient=True))
        link.send(Found(2 * link.recv()))
        link.send(Wish(patient=True))


@contextmanager
def members(*kinds: Callable[[Link, int], None]) -> Iterator[Linked[int, int]]:
    ends: list[Link] = []
    threads: list[threading.Thread] = []
    for kind in kinds:
        ours, theirs = Pipe()
        ours.send(Doubling())
        ends.append(ours)
        threads.append(threading.Thread(target=_closing, args=(kind, theirs)))
        threads[-1].start()
    try:
        yield Linked([Member(kind.__name__, end) for kind, end in zip(kinds, ends, strict=True)])
    finally:
        for end in ends:
            end.close()
        for thread in threads:
            thread.join(10)
            assert not thread.is_alive()


def _closing(kind: Callable[[Link, int], None], link: Link) -> None:
    with link, suppress(EOFError, OSError):  # the test is over, and gave it no piece
        kind(link, 0)


@pytest.mark.parametrize("kinds", [(work,), (work, work, work), (work, dying), (dying, late, work), (late, work)])
@pytest.mark.parametrize("count", [0, 1, 50])
def test_each_piece_is_found_once_whoever_is_lost(kinds: tuple[Callable[[Link, int], None], ...], count: int) -> None:
    answered: list[int] = []
    with members(*kinds) as team:
        assert sorted(team.found(range(count), answered.append)) == list(range(0, 2 * count, 2))
        late_ones = kinds.count(late)  # counts without a word
        assert count - late_ones <= sum(answered) <= count
        assert sorted(team.found(range(100, 103), answered.append)) == [200, 202, 204]  # a second time


def test_what_a_lost_process_had_answered_is_taken_back(capsys: pytest.CaptureFixture[str]) -> None:
    answered: list[int] = []
    with members(dying, work) as team:
        assert sorted(team.found(range(30), answered.append)) == list(range(0, 60, 2))
    assert sum(answered) == 30
    assert ({7, -7} <= set(answered)) == ("the connection to dying ended" in capsys.readouterr().err)


def test_nobody_is_left(capsys: pytest.CaptureFixture[str]) -> None:
    with members(dying, dying) as team:
        found = team.found(range(9), lambda _: None)
        with pytest.raises(ConfigError, match="the connection to dying ended, the last that counted: what is finished"):
            list(found)
    assert "the connection to dying ended; its images are counted by 1 process" in capsys.readouterr().err


def test_a_piece_that_nobody_can_count_ends_it() -> None:
    with members(work, work) as team, pytest.raises(ConfigError, match="-1 is less than none"):
        list(team.found([3, -1, 4], lambda _: None))
