"""The same input gives the same bytes: an archive without the time and machine of its making."""

import json
import zipfile
from pathlib import Path

_ARCHIVER_MANIFEST = "MAR-INF/MANIFEST.json"
_CREATED_ON = "01/01/1980 00:00:00"
_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip file can hold
_MODE = 0o100644  # a regular file, readable by all


def normalise(archive: Path, target: Path) -> None:
    """Rewrite an archive with sorted entries, fixed dates and permissions, uncompressed (weights do not compress)."""
    with zipfile.ZipFile(archive) as source, zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as result:
        for name in sorted(source.namelist()):
            content = source.read(name)
            result.writestr(entry_of(name), _undated(content) if name == _ARCHIVER_MANIFEST else content)


def entry_of(name: str) -> zipfile.ZipInfo:
    """An entry with the date and the permissions that all have."""
    entry = zipfile.ZipInfo(name, _DATE)
    entry.create_system = 3  # Unix, which gives the permissions their meaning
    entry.external_attr = _MODE << 16
    return entry


def _undated(manifest: bytes) -> bytes:
    fields = json.loads(manifest) | {"createdOn": _CREATED_ON}
    return json.dumps(fields, indent=2, sort_keys=True).encode()
