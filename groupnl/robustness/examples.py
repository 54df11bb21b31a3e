"""Pictures of flips, where the operator allows it: the newest of each model in a folder that its owner alone may enter.

Of a request nothing else is kept: the pixels as the network got them, the same corrupted, both answers, when that was.
A file has its time in its name, so that the oldest go first, whoever has written them. No torch: the server prunes.
"""

import os
import re
import secrets
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from groupnl.base.numbers import Share
from groupnl.base.problems import problems
from groupnl.errors import ConfigError

MOST_BYTES = 256 * 1024 * 1024  # of a model
MOST_S = 7 * 86400.0  # after which an example is removed
_SLACK_S = 3600.0  # that a clock may have been ahead
_RECORD, _ORIGINAL, _CORRUPTED = _KINDS = ("json", "original.png", "corrupted.png")
_NAME = re.compile(r"(?P<example>(?P<time>\d{20})-[0-9a-f]{8})\.(?:json|original\.png|corrupted\.png)", re.ASCII)


class Said(BaseModel):
    """An answer's best class.

    Attributes:
        best: its name; None: the answer's numbers were not finite.
        confidence: its probability, 0 to 1.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    best: str | None
    confidence: Share


class ExampleRecord(BaseModel):
    """What is written of a flip beside its pictures.

    Attributes:
        format: of this record.
        model: that answered.
        answered: when it was answered again, seconds since 1970.
        corruption: its name.
        severity: 1 to 5.
        original: the live answer.
        corrupted: the answer to the corrupted picture.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    format: Literal[1] = 1
    model: str
    answered: float
    corruption: str
    severity: Annotated[int, Field(ge=1, le=5)]
    original: Said
    corrupted: Said


class Example(NamedTuple):
    """A flip.

    Attributes:
        record: what is known of it.
        original: PNG of the picture, as the network got it.
        corrupted: PNG of the corrupted one.
    """

    record: ExampleRecord
    original: bytes
    corrupted: bytes


class KeptExamples:
    """The examples of one model, in a folder; several processes may write there.

    Args:
        folder: made if missing.
        count: so many are kept, the newest.
    """

    def __init__(self, folder: Path, count: int) -> None:
        self._folder = folder
        self._count = count

    def keep(self, example: Example) -> None:
        """Add one, and remove what is too much.

        Raises:
            OSError: it cannot be written; nothing of it is left.
        """
        self._folder.mkdir(mode=0o700, exist_ok=True)
        name = f"{int(example.record.answered * 1e9):020d}-{secrets.token_hex(4)}"
        contents = {  # the record last: without it nothing is read
            _ORIGINAL: example.original,
            _CORRUPTED: example.corrupted,
            _RECORD: example.record.model_dump_json().encode(),
        }
        try:
            for kind, content in contents.items():
                _write(self._folder / f"{name}.{kind}", content)
        except OSError:
            for kind in _KINDS:
                (self._folder / f"{name}.{kind}").unlink(missing_ok=True)
            raise
        self.prune(time.time())

    def prune(self, now: float) -> None:
        """Remove what is too many, too large or too old.

        Args:
            now: seconds since 1970.
        """
        room = MOST_BYTES
        for place, (answered, files) in enumerate(_examples(self._folder)):
            room -= sum(map(_size, files))
            if place >= self._count or room < 0 or not now - MOST_S <= answered <= now + _SLACK_S:
                for file in files:
                    file.unlink(missing_ok=True)


def read_examples(folder: Path) -> list[Example]:
    """The examples of all models, newest first; those that are removed meanwhile are left out.

    Args:
        folder: of `groupnl serve --examples-dir`.

    Raises:
        ConfigError: there is no such folder, or what lies there cannot be read.
    """
    try:
        found = [example for _, files in _of_all_models(folder) if (example := _read(files)) is not None]
    except OSError as error:
        raise ConfigError(f"the examples in {folder} cannot be read ({error.strerror}); give another folder") from None
    return sorted(found, key=lambda example: -example.record.answered)


def prune_examples(folder: Path, count: int, now: float) -> None:
    """Remove what is too many, too large or too old, of every model.

    Args:
        folder: of all models.
        count: so many are kept of each; 0: none.
        now: seconds since 1970.
    """
    for each in _folders(folder):
        is_ours = bool(_examples(each))
        KeptExamples(each, count).prune(now)
        if count == 0 and is_ours:
            with suppress(OSError):  # other files lie there
                each.rmdir()


def _of_all_models(folder: Path) -> Iterator[tuple[float, list[Path]]]:
    for each in _folders(folder):
        yield from _examples(each)


def _folders(folder: Path) -> list[Path]:
    return [each for each in folder.iterdir() if each.is_dir() and not each.is_symlink()]


def _examples(folder: Path) -> list[tuple[float, list[Path]]]:
    """When each example was answered, and its files; newest first. Whatever else lies there is none of ours."""
    found: defaultdict[str, list[Path]] = defaultdict(list)
    times: dict[str, float] = {}
    for file in folder.iterdir():
        if match := _NAME.fullmatch(file.name):
            found[match["example"]].append(file)
            times[match["example"]] = int(match["time"]) / 1e9
    return [(times[name], found[name]) for name in sorted(found, reverse=True)]


def _read(files: list[Path]) -> Example | None:
    by_kind = {file.name.partition(".")[2]: file for file in files}
    if by_kind.keys() != {*_KINDS}:
        return None  # it is being written, or removed
    try:
        contents = {kind: file.read_bytes() for kind, file in by_kind.items()}
    except FileNotFoundError:
        return None
    if not contents[_RECORD]:
        return None  # opened, and not written yet, or never
    try:
        record = ExampleRecord.model_validate_json(contents[_RECORD])
    except ValidationError as error:
        raise ConfigError(f"{by_kind[_RECORD]} cannot be used: {problems(error)}; remove it") from None
    return Example(record, contents[_ORIGINAL], contents[_CORRUPTED])


def _write(file: Path, content: bytes) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as opened:
        opened.write(content)


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:  # another process has removed it
        return 0
