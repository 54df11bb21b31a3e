"""groupnl.archive.read: which archives are refused before anything is started."""

import struct
import zipfile
from pathlib import Path

import pytest
from support.tiny import tiny_checkpoint

from groupnl.archive.pack import pack
from groupnl.archive.read import read_manifest, unpack
from groupnl.errors import ArchiveError


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("archive")
    return pack(tiny_checkpoint(folder), folder, "tiny")


def _rewritten(archive: Path, target: Path, changes: dict[str, bytes | None]) -> Path:
    """A copy in which some entries are replaced, or (None) left out."""
    with zipfile.ZipFile(archive) as source, zipfile.ZipFile(target, "w") as copy:
        for name in source.namelist():
            content = changes.get(name, source.read(name))
            if content is not None:
                copy.writestr(name, content)
    return target


def test_good_archive_is_read(archive: Path) -> None:
    assert read_manifest(archive).model_name == "tiny"


def test_missing_archive(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match=r"gone\.mar does not exist"):
        read_manifest(tmp_path / "gone.mar")


def test_not_a_zip_file(tmp_path: Path) -> None:
    path = tmp_path / "text.mar"
    path.write_text("not an archive")
    with pytest.raises(ArchiveError, match=r"text\.mar is damaged"):
        read_manifest(path)


def test_truncated_archive(archive: Path, tmp_path: Path) -> None:
    path = tmp_path / "short.mar"
    path.write_bytes(archive.read_bytes()[:-2000])
    with pytest.raises(ArchiveError, match=r"short\.mar is damaged"):
        read_manifest(path)


def test_flipped_bit_in_the_weights(archive: Path, tmp_path: Path) -> None:
    content = bytearray(archive.read_bytes())
    content[len(content) // 2] ^= 1
    path = tmp_path / "flipped.mar"
    path.write_bytes(content)
    with pytest.raises(ArchiveError, match=r"flipped\.mar"):
        read_manifest(path)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"model.json": None}, r"has no model\.json"),
        ({"model.json": b"{"}, r"unusable model\.json"),
        ({"model.json": b'{"format": 9}'}, r"unusable model\.json"),
        ({"model.safetensors": None}, r"lacks its weights model\.safetensors"),
        ({"model.safetensors": b"others"}, "have sha256"),
    ],
    ids=["no-manifest", "no-json", "other-format", "no-weights", "other-weights"],
)
def test_changed_archive(archive: Path, tmp_path: Path, changes: dict[str, bytes | None], problem: str) -> None:
    with pytest.raises(ArchiveError, match=problem):
        read_manifest(_rewritten(archive, tmp_path / "changed.mar", changes))


def _with_central_field(archive: Path, offset: int, value: int) -> bytes:
    """The archive with a 16-bit field of each entry's central and local header replaced."""
    content = bytearray(archive.read_bytes())
    with zipfile.ZipFile(archive) as file:
        at = file.start_dir
        for entry in file.infolist():
            struct.pack_into("<H", content, at + offset, value)
            struct.pack_into("<H", content, entry.header_offset + offset - 2, value)
            at += 46 + len(entry.orig_filename) + len(entry.extra) + len(entry.comment)
    return bytes(content)


@pytest.mark.parametrize(
    ("offset", "value"),
    [(10, 99), (10, zipfile.ZIP_DEFLATED), (10, zipfile.ZIP_BZIP2), (10, zipfile.ZIP_LZMA), (8, 1)],
    ids=["unknown-compression", "no-deflate", "no-bzip2", "no-lzma", "encrypted"],
)
def test_entries_that_cannot_be_read(archive: Path, tmp_path: Path, offset: int, value: int) -> None:
    path = tmp_path / "odd.mar"
    path.write_bytes(_with_central_field(archive, offset, value))
    for read in (read_manifest, lambda path: unpack(path, tmp_path / "unpacked")):
        with pytest.raises(ArchiveError, match=r"odd\.mar is damaged"):
            read(path)
