"""Memory that lies in a file: shared by all processes that name it, and there when each of them has ended."""

import mmap
import os
from pathlib import Path


def mapped(file: Path | None, size: int) -> mmap.mmap:
    """So many bytes, 0 at first.

    Args:
        file: that they lie in, made if missing, for its owner alone; None: they are this process's alone.
        size: bytes, at least 1; the same for all who name the file.

    Raises:
        OSError: the file cannot be made, or has no room.
    """
    if file is None:
        return mmap.mmap(-1, size)
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _reserve(descriptor, size)
        return mmap.mmap(descriptor, size)
    finally:
        os.close(descriptor)


def _reserve(descriptor: int, size: int) -> None:
    """Give a file its size. On Linux with its place on the disk: a full one would else kill whoever writes."""
    try:
        os.posix_fallocate(descriptor, 0, size)
    except AttributeError:  # not there on macOS
        os.ftruncate(descriptor, size)
