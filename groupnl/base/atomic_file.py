"""Files that are whole at every moment, also when the process or the machine dies while they are written."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Write to the path that this gives; when the block ends well, that file takes the place of `path`.

    It is on the disk by then, and until then `path` stays as it was, or missing. Its folder is made. Two processes must
    not write the same file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    yield partial
    _to_disk(partial)
    partial.replace(path)
    _to_disk(path.parent)


def write_whole(path: Path, text: str) -> None:
    """Write a text file in one step, as UTF-8; its folder is made."""
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8")


def _to_disk(path: Path) -> None:
    """Wait until a file's content, or a folder's list of names, would survive a loss of power."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
