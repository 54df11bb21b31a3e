"""A file system that is soon full, where the tests may mount one."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[Path]:
    """A file system of so many KiB in a new folder; the test is skipped where nothing may be mounted."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}k", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, check=False, capture_output=True).returncode != 0:
        pytest.skip("nothing may be mounted here")
    try:
        yield folder
    finally:  # lazily, as torch keeps a file open that it could not write
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(disk: Path, left: int) -> Path:
    """A file that leaves so many bytes free, about."""
    found = os.statvfs(disk)
    path = disk / "filler"
    path.write_bytes(bytes(found.f_bavail * found.f_frsize - left))
    return path
