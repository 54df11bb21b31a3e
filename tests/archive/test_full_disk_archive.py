"""An archive on a disk that is full: told in one sentence, the old archive stays, and nothing is left."""

from pathlib import Path

import pytest
from support.small_disk import fill, small_disk
from support.tiny import tiny_checkpoint

from groupnl.archive.pack import pack
from groupnl.base.atomic_file import WriteError


def test_a_full_disk_is_told_and_nothing_is_left(tmp_path: Path) -> None:
    checkpoint = tiny_checkpoint(tmp_path)
    size = pack(checkpoint, tmp_path, "tiny").stat().st_size
    with small_disk(tmp_path / "disk", size=16 * size // 1024) as disk:
        whole = pack(checkpoint, disk, "tiny").read_bytes()
        # The weights, the archiver's file, ours, and the trial's unpacked one: one after the other has no room.
        for left in (size // 2, 3 * size // 2, 5 * size // 2, 7 * size // 2):
            filler = fill(disk, left)
            with pytest.raises(WriteError, match=rf"{disk}/tiny\.mar cannot be written: No space left on device \("):
                pack(checkpoint, disk, "tiny", overwrite=True)
            filler.unlink()
            assert [path.name for path in disk.iterdir()] == ["tiny.mar"]
            assert (disk / "tiny.mar").read_bytes() == whole
