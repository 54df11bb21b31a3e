"""A disk that takes no more: one sentence with path, needed and free bytes, the old file stays, and nothing is left."""

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from support.small_disk import small_disk

from groupnl.base.atomic_file import WriteError, replacing, write_whole, writing
from groupnl.errors import ArchiveError

Write = Callable[[Path], object]
LARGE = torch.ones(1_000_000)  # 4 MB


def _torch_to_file(path: Path) -> None:
    with path.open("wb") as file:
        torch.save(LARGE, file)


WRITES: dict[str, Write] = {
    "bytes": lambda path: path.write_bytes(bytes(4_000_000)),
    "torch to a path": lambda path: torch.save(LARGE, path),
    "torch to a file": _torch_to_file,
    "safetensors": lambda path: save_file({"weight": LARGE}, path),
}
PROGRAM = """
import resource, sys
from pathlib import Path
sys.path[:0] = ["tests/base", "tests"]
import test_full_disk

resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
sys.stdout.write(test_full_disk.refusal_of(Path(sys.argv[1]), test_full_disk.WRITES[sys.argv[2]]))
"""


def refusal_of(path: Path, write: Write) -> str:
    """What is said when the file is replaced by one that is too large."""
    with pytest.raises(WriteError) as told, replacing(path, 4_000_000) as partial:
        write(partial)
    return str(told.value)


def _half(path: Path, error: BaseException) -> None:
    path.write_text("half")
    raise error


@pytest.mark.parametrize("name", WRITES)
def test_a_full_disk_is_told_and_nothing_is_left(tmp_path: Path, name: str) -> None:
    with small_disk(tmp_path / "disk", size=2048) as disk:
        _check_full(disk, name)


def _check_full(disk: Path, name: str) -> None:
    path = disk / "file"
    path.write_text("old")
    # To a path, torch hides the reason, and keeps the file open until its error is forgotten.
    told = "the write failed (0 bytes" if name == "torch to a path" else "No space left on device (2.1 MB"
    sentence = f"{path} cannot be written: {told} free, about 4.0 MB needed): make room, or write elsewhere"
    assert refusal_of(path, WRITES[name]) == sentence
    assert [entry.name for entry in disk.iterdir()] == ["file"]
    assert path.read_text() == "old"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["bytes", "torch to a file", "safetensors"])
def test_a_file_that_may_not_be_so_large_is_told(tmp_path: Path, name: str) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    words = [sys.executable, "-c", PROGRAM, str(path), name]
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    assert done.stdout.startswith(f"{path} cannot be written: File too large (")
    assert done.stdout.endswith(" free, about 4.0 MB needed): make room, or write elsewhere")
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]
    assert path.read_text() == "old"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM])
def test_every_refusal_of_the_system_is_told(tmp_path: Path, number: int) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(WriteError) as told, replacing(path) as partial:
        _half(partial, OSError(number, os.strerror(number)))
    assert str(told.value).startswith(f"{path} cannot be written: {os.strerror(number)}")
    assert ("about 3 bytes needed): make room" in str(told.value)) == (
        number in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
    )
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_a_cause_behind_other_errors_is_found_and_the_outermost_place_is_named(tmp_path: Path) -> None:
    damaged = ArchiveError("damaged")
    damaged.__context__ = OSError(errno.ENOSPC, "full")
    sentence = r"a\.mar cannot be written: No space left on device \(.* free\): make room"
    with pytest.raises(WriteError, match=sentence), writing(tmp_path / "a.mar"):
        raise damaged
    outer, inner = writing(tmp_path / "a.mar"), writing(tmp_path / ".work" / "part")
    with pytest.raises(WriteError, match=r"a\.mar cannot be written: Read-only file system: allow it"), outer, inner:
        raise OSError(errno.EROFS, "read only")


@pytest.mark.parametrize(
    "error",
    [
        FileNotFoundError(errno.ENOENT, "gone"),
        PermissionError(errno.EACCES, "Permission denied", "/elsewhere/that/is/read"),
        RuntimeError("shapes"),
    ],
)
def test_other_errors_stay_as_they_are_and_leave_nothing(tmp_path: Path, error: Exception) -> None:
    with pytest.raises(type(error)) as raised, replacing(tmp_path / "file") as partial:
        _half(partial, error)
    assert raised.value is error
    assert not list(tmp_path.iterdir())


def test_an_interruption_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), replacing(tmp_path / "file") as partial:
        _half(partial, KeyboardInterrupt())
    assert not list(tmp_path.iterdir())


def test_links_stay_and_devices_are_written_to(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("folder/file")
    write_whole(tmp_path / "link", "é")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "folder" / "file").read_bytes() == "é".encode()
    write_whole(Path(os.devnull), "text")
    assert Path(os.devnull).is_char_device()


def test_a_device_that_takes_nothing_is_told() -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("only Linux has /dev/full")
    with pytest.raises(WriteError, match="/dev/full cannot be written: No space left on device"):
        write_whole(full, "text")
    assert full.is_char_device()
