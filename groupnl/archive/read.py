"""Reading an archive without loading its model: what the service checks before it starts.

Light on purpose (no torch): `groupnl serve` imports it.
"""

import hashlib
import lzma
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import ValidationError

from groupnl.archive.manifest import MANIFEST_NAME, Manifest
from groupnl.base.problems import problems
from groupnl.errors import ArchiveError

CONFIG_FILE = "model-config.yaml"
DIGEST_FILE = "archive.sha256"  # beside the unpacked files
# What zipfile raises for an entry that it cannot read: RuntimeError is its word for encrypted, NotImplementedError for
# an unknown compression.
_UNREADABLE = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, RuntimeError, UnicodeDecodeError)


def read_manifest(archive: Path) -> Manifest:
    """The `model.json` of an archive whose weights are whole.

    Raises:
        ArchiveError: the file is missing, no zip, has no usable `model.json`, or its weights were changed.
    """
    with _opened(archive) as file:
        manifest = _manifest(archive, file)
        _check_weights(archive, file, manifest)
    return manifest


def unpack(archive: Path, folder: Path) -> None:
    """Write the files of an archive into `folder`, and the archive's own SHA-256 beside them.

    Raises:
        ArchiveError: the file is missing or damaged.
    """
    with _opened(archive) as file:
        file.extractall(folder)
    with archive.open("rb") as whole:
        digest = hashlib.file_digest(whole, "sha256").hexdigest()
    (folder / DIGEST_FILE).write_text(digest + "\n", encoding="ascii")


def archive_digest(folder: Path) -> str:
    """The SHA-256, hexadecimal, of the archive that was unpacked into `folder`; empty where something else did that."""
    try:
        return (folder / DIGEST_FILE).read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return ""


@contextmanager
def _opened(archive: Path) -> Iterator[zipfile.ZipFile]:
    if not archive.is_file():
        raise ArchiveError(f"the archive {archive} does not exist; make it with `groupnl archive` or `make archives`")
    try:
        with zipfile.ZipFile(archive) as file:
            yield file
    except _UNREADABLE as error:
        raise ArchiveError(f"the archive {archive} is damaged: {error}; make it again") from None


def _manifest(archive: Path, file: zipfile.ZipFile) -> Manifest:
    try:
        return Manifest.model_validate_json(file.read(MANIFEST_NAME))
    except KeyError:
        raise ArchiveError(f"the archive {archive} has no {MANIFEST_NAME}: `groupnl archive` did not make it") from None
    except ValidationError as error:
        raise ArchiveError(f"the archive {archive} has an unusable {MANIFEST_NAME}: {problems(error)}") from None


def _check_weights(archive: Path, file: zipfile.ZipFile, manifest: Manifest) -> None:
    try:
        with file.open(manifest.weights) as weights:
            found = hashlib.file_digest(weights, "sha256").hexdigest()  # type: ignore[arg-type]
    except KeyError:
        raise ArchiveError(f"the archive {archive} lacks its weights {manifest.weights}; make it again") from None
    if found != manifest.weights_sha256:
        raise ArchiveError(
            f"the weights in {archive} have sha256 {found}, not {manifest.weights_sha256} as its {MANIFEST_NAME} says"
        )
