"""What was answered lately, so that a label that comes later finds its answer.

Every worker of a model writes here, and the process that takes labels reads. The memory lies in a file that all of them
map and that outlives each of them. Nobody waits for anybody: there are no locks. A note carries a hash of itself, so
what two wrote at the same moment, or what is half written, is taken for no note: it is forgotten, and never misread.

Of a request nothing is kept but a hash of its key, when it was answered, and which classes. No torch: the server reads.
"""

import hashlib
import struct
from pathlib import Path
from typing import NamedTuple

from groupnl.robustness.mapped_file import mapped

ANSWERS_REMEMBERED = 2**17  # unless the settings say otherwise
NO_CLASS = -1  # an answer that is none of the model's classes, and so never right
_NONE = -2  # there is no such answer
_HASH = 8  # bytes
_CANDIDATE = 4  # bytes of a candidate's hash
# Key, time, best classes (live, corrupted, candidate), corruption, severity, whether labelled, which candidate.
_NOTE = struct.Struct("<8sd3i20s2B2x4s")
_SIZE = _NOTE.size + _HASH
_WAYS = 16  # notes that share a place
_FILLED = 10  # of them by the answers that are promised: some places get more than others
_SLACK_S = 60.0
_TIMES = struct.Struct("<" + "8xd48x" * _WAYS)


class Answered(NamedTuple):
    """What is known of one request.

    Attributes:
        answered: when, seconds since 1970.
        best: position of the live answer's best class.
        corrupted: the same of the same image under a corruption; `NO_CLASS`: its numbers were not finite; None: it was
            not answered so.
        corruption: its name; empty where there is none.
        severity: 1 to 5; 0 where there is none.
        candidate: position of the model's class that the candidate named; `NO_CLASS`: the model has no such; None: it
            was not asked, or was another one.
        is_labelled: whether its label has come.
    """

    answered: float
    best: int
    corrupted: int | None = None
    corruption: str = ""
    severity: int = 0
    candidate: int | None = None
    is_labelled: bool = False


class RecentAnswers:
    """The answers of one model that were given lately, by the requests' keys.

    Args:
        count: so many are known, 99 of 100 of them; half as many all. About 100 bytes each.
        file: of the memory, made if missing; memories of other sizes have other files. None: this process's alone.
        candidate: SHA-256, hexadecimal, of the candidate's archive; empty where there is none.

    Raises:
        OSError: the file cannot be made.
    """

    def __init__(self, count: int, file: Path | None = None, candidate: str = "") -> None:
        self._candidate = _digest(candidate.encode())[:_CANDIDATE]
        self._places = -(-count // _FILLED)
        self._memory = mapped(file, self._places * _WAYS * _SIZE)

    def answer(self, key: str, best: int, now: float) -> None:
        """Remember a live answer; one of the same key before it is replaced.

        Args:
            key: of the request; see `groupnl.robustness.sampling`.
            best: position of the best class.
            now: seconds since 1970.
        """
        name = _hash(key)
        at = self._find(name)
        before = None if at is None else self._read(at)
        note = Answered(now, best) if before is None else before._replace(answered=now, best=best)
        self._write(self._oldest(name, now) if at is None else at, name, note)

    def answer_corrupted(self, key: str, corruption: str, severity: int, best: int) -> None:
        """Remember what the image of a request was answered under a corruption; nothing where the request is forgotten.

        Args:
            key: of the request.
            corruption: its name, ASCII, at most 20 bytes.
            severity: 1 to 5.
            best: position of the best class, or `NO_CLASS`.
        """
        self._change(key, corrupted=best, corruption=corruption, severity=severity)

    def answer_of_candidate(self, key: str, best: int) -> None:
        """Remember what the candidate answered, as a position among the model's classes; or `NO_CLASS`."""
        self._change(key, candidate=best)

    def label(self, key: str) -> None:
        """Remember that the label of a request has come."""
        self._change(key, is_labelled=True)

    def find(self, key: str) -> Answered | None:
        """What is known of a request; None: nothing, or nothing any more."""
        at = self._find(_hash(key))
        return None if at is None else self._read(at)

    def _change(self, key: str, **changes: object) -> None:
        name = _hash(key)
        at = self._find(name)
        note = None if at is None else self._read(at)
        if at is not None and note is not None:
            self._write(at, name, note._replace(**changes))  # type: ignore[arg-type]

    def _first(self, name: bytes) -> int:
        """Where the place of a key begins."""
        return int.from_bytes(name, "little") % self._places * _WAYS * _SIZE

    def _find(self, name: bytes) -> int | None:
        """Where the note of a key begins."""
        first = self._first(name)
        end = first + _WAYS * _SIZE
        at = self._memory.find(name, first, end)
        while at >= 0 and at % _SIZE:  # the same bytes within a note
            at = self._memory.find(name, at + 1, end)
        return at if at >= 0 else None

    def _oldest(self, name: bytes, now: float) -> int:
        """Where the note begins whose answer is oldest, or a free one, in the place of a key."""
        first = self._first(name)
        # What was written before the clock was set back is no newer than what comes.
        times = [time if time < now + _SLACK_S else 0.0 for time in _TIMES.unpack_from(self._memory, first)]
        return first + times.index(min(times)) * _SIZE

    def _read(self, at: int) -> Answered | None:
        """The note that begins there; None where it is not whole."""
        content = self._memory[at : at + _SIZE]
        if _digest(content[: _NOTE.size]) != content[_NOTE.size :]:
            return None
        _, answered, best, corrupted, candidate, corruption, severity, labelled, which = _NOTE.unpack_from(content)
        return Answered(
            answered,
            best,
            _optional(corrupted),
            corruption.rstrip(b"\0").decode("ascii"),
            severity,
            _optional(candidate) if which == self._candidate else None,
            bool(labelled),
        )

    def _write(self, at: int, name: bytes, note: Answered) -> None:
        corrupted, candidate = (_NONE if each is None else each for each in (note.corrupted, note.candidate))
        cell = note.corruption.encode("ascii"), note.severity
        best = note.best, corrupted, candidate
        content = _NOTE.pack(name, note.answered, *best, *cell, note.is_labelled, self._candidate)
        self._memory[at : at + _SIZE] = content + _digest(content)


def answers_file(folder: Path, model: str, archive: str, count: int) -> Path:
    """Where a model's answers are remembered: those of another archive, whose classes may be others, lie elsewhere.

    Args:
        folder: of all of them.
        model: its name.
        archive: SHA-256 of its archive, hexadecimal.
        count: of the memory.
    """
    told = hashlib.sha256(str((archive, count)).encode()).hexdigest()
    return folder / f"{model}-{told[:16]}"


def _optional(best: int) -> int | None:
    return None if best == _NONE else best


def _hash(key: str) -> bytes:
    return _digest(key.encode(errors="surrogatepass"))


def _digest(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=_HASH).digest()
