"""An archive with other speeds."""

import zipfile
from pathlib import Path

from groupnl.archive.normalise import entry_of
from groupnl.archive.speed.speeds import SPEEDS_FILE, Speeds
from groupnl.base.atomic_file import replacing


def replace_speeds(archive: Path, speeds: Speeds) -> None:
    """Rewrite an archive with these speeds; whoever reads it meanwhile sees the old file or the new one.

    Raises:
        ConfigError: it cannot be written.
    """
    with (
        replacing(archive) as finished,
        zipfile.ZipFile(archive) as source,
        zipfile.ZipFile(finished, "w", zipfile.ZIP_STORED) as result,
    ):
        for name in sorted({*source.namelist(), SPEEDS_FILE}):
            content = speeds.to_json().encode() if name == SPEEDS_FILE else source.read(name)
            result.writestr(entry_of(name), content)
