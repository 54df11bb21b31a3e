"""Files that are whole at every moment, also when the process or the machine dies while they are written.

A disk that takes no more is told in one sentence, whichever library wrote.
"""

import errno
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from groupnl.errors import ConfigError

# What the system says of the place and not of the program. Full, over the quota, larger than a file may be:
_OF_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
# Not to be written; the last two are said of files that are only read, too.
_OF_PERMISSION = {errno.EROFS, errno.EACCES, errno.EPERM}
# Libraries that write files on their own tell the system's reason in their text, or not at all.
_RUST_REASON = re.compile(r"\(os error (\d+)\)")
_TORCH_WRITES = re.compile(r"PytorchStreamWriter failed|unexpected pos \d+ vs \d+")


class WriteError(ConfigError):
    """A file that the disk does not take.

    Args:
        path: of the file.
        reason: the system's words, and what is missing.
    """

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path} cannot be written: {reason}")
        self.reason = reason


@contextmanager
def replacing(path: Path, size: int | None = None) -> Iterator[Path]:
    """Write to the path that this gives; when the block ends well, that file takes the place of `path`.

    It is on the disk by then, and until then `path` stays as it was, or missing. Its folder is made. When the block
    fails, nothing of it is left. A link stays, and what it leads to is replaced; what is no file (/dev/stdout) is
    written to as it is. Two processes must not write the same file.

    Args:
        path: of the file.
        size: how large it will be about, bytes, if that is known; None: as the old one.

    Raises:
        WriteError: see `writing`.
    """
    with writing(path, size):
        if path.exists() and not path.is_file():
            yield path
            return
        place = path.resolve()
        place.parent.mkdir(parents=True, exist_ok=True)
        partial = place.with_name(f".{place.name}.partial")
        try:
            yield partial
            _to_disk(partial)
            partial.replace(place)
        except BaseException:  # also a Ctrl-C
            partial.unlink(missing_ok=True)
            raise
        _to_disk(place.parent)


@contextmanager
def writing(path: Path, size: int | None = None) -> Iterator[None]:
    """Tell in one sentence when the disk does not take what the block writes.

    Args:
        path: what is written: a file, or a folder.
        size: how many bytes it needs about, if that is known.

    Raises:
        WriteError: the disk is full, over its quota or not to be written, or the file is larger than it may be.
    """
    try:
        yield
    except WriteError as error:  # of a part, which nobody asked for by name
        raise WriteError(path, error.reason) from error
    except Exception as error:
        if reason := _reason(error, path, size):
            raise WriteError(path, reason) from error
        raise


def write_whole(path: Path, text: str) -> None:
    """Write a text file in one step, as UTF-8; its folder is made."""
    with replacing(path, len(text.encode())) as partial:
        partial.write_text(text, encoding="utf-8")


def _reason(error: BaseException | None, path: Path, size: int | None) -> str | None:
    """Why the disk took no more; None where it was something else. Libraries hide the cause behind errors of theirs."""
    if error is None:
        return None
    number = _number(error)
    if number in _OF_ROOM or (number in _OF_PERMISSION and _is_of(error, path)):
        return f"{os.strerror(number)}{_room(path, size) if number in _OF_ROOM else ''}: {_advice(number)}"
    inner = _reason(error.__cause__ or error.__context__, path, size)
    if inner is None and isinstance(error, RuntimeError) and _TORCH_WRITES.search(str(error)):
        return f"the write failed{_room(path, size)}: {_advice(errno.ENOSPC)}"
    return inner


def _advice(number: int) -> str:
    return "make room, or write elsewhere" if number in _OF_ROOM else "allow it, or write elsewhere"


def _number(error: BaseException) -> int:
    if isinstance(error, OSError):
        return error.errno or 0
    told = _RUST_REASON.search(str(error))
    return int(told[1]) if told else 0


def _is_of(error: BaseException, path: Path) -> bool:
    """Whether an error is of what is written, or of a folder that it is in."""
    name = getattr(error, "filename", None)
    if not isinstance(name, str):
        return True
    place, target = Path(name).absolute(), path.absolute()
    return place.is_relative_to(target.parent) or target.is_relative_to(place)


def _room(path: Path, size: int | None) -> str:
    needed = size or (path.stat().st_size if path.is_file() else None)
    folder = next((place for place in path.absolute().parents if place.is_dir()), None)
    if folder is None:
        return ""
    free = f"{_amount(shutil.disk_usage(folder).free)} free"
    return f" ({free}, about {_amount(needed)} needed)" if needed else f" ({free})"


def _amount(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size} bytes"


def _to_disk(path: Path) -> None:
    """Wait until a file's content, or a folder's list of names, would survive a loss of power."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
