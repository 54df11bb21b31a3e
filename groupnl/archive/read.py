"""Reading an archive without loading its model: what the service checks before it starts.

Light on purpose (no torch): `groupnl serve` imports it.
"""

import hashlib
import zipfile
from pathlib import Path

from pydantic import ValidationError

from groupnl.errors import ArchiveError
from groupnl.manifest import MANIFEST_NAME, Manifest
from groupnl.yaml_file import problems

CONFIG_FILE = "model-config.yaml"


def read_manifest(archive: Path) -> Manifest:
    """The `model.json` of an archive whose weights are whole.

    Raises:
        ArchiveError: the file is missing, no zip, has no usable `model.json`, or its weights were changed.
    """
    if not archive.is_file():
        raise ArchiveError(f"the archive {archive} does not exist; make it with `groupnl archive` or `make archives`")
    try:
        with zipfile.ZipFile(archive) as file:
            manifest = _manifest(archive, file)
            _check_weights(archive, file, manifest)
    except (zipfile.BadZipFile, EOFError, OSError) as error:
        raise ArchiveError(f"the archive {archive} is damaged: {error}; make it again") from None
    return manifest


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
