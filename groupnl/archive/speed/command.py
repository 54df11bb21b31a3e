"""`groupnl engines`: how fast the engines of an archive are, as measured before or now."""

import argparse
import sys
import tempfile
from pathlib import Path

import yaml

from groupnl.archive.model_config import UpToMost, to_model_config
from groupnl.archive.read import CONFIG_FILE, archive_digest, read_manifest, unpack
from groupnl.archive.speed.machine import Machine
from groupnl.archive.speed.measure import measure
from groupnl.archive.speed.replace import replace_speeds
from groupnl.archive.speed.speeds import read_speeds
from groupnl.archive.speed.table import speed_table
from groupnl.base.files import sha256_of
from groupnl.base.options import Options as BaseOptions
from groupnl.base.yaml_file import read_mapping
from groupnl.errors import ArchiveError


class Options(BaseOptions):
    """What `groupnl engines` shows.

    Attributes:
        archive: a `.mar` file.
        measure: time the engines, whatever is known.
        write: keep what is measured in the archive; measures.
        workers: worker processes; measures with so many. None: as the archive says.
        batch_size: most images in a batch; measures with so many. None: as the archive says.
    """

    archive: Path
    measure: bool
    write: bool
    workers: UpToMost | None
    batch_size: UpToMost | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `groupnl engines`."""
    parser.add_argument("archive", type=Path, help="a .mar file")
    parser.add_argument("--measure", action="store_true", help="time them here (only where the archive does not know)")
    parser.add_argument("--write", action="store_true", help="time them here, and keep the figures in the archive")
    parser.add_argument("--workers", type=int, metavar="N", help="time them with so many (as the archive says)")
    parser.add_argument("--batch-size", type=int, metavar="N", help="time them with batches of N (as the archive says)")


def run(options: Options) -> int:
    """Print the table.

    Raises:
        ArchiveError: the archive is missing, damaged or not one of ours, or was replaced meanwhile.
        ServerError: a process that times the engines ended.
    """
    read_manifest(options.archive)
    with tempfile.TemporaryDirectory(prefix="groupnl-") as place:
        folder = Path(place) / "unpacked"
        unpack(options.archive, folder)
        _set(folder, options)
        speeds = read_speeds(folder)
        difference = None if speeds is None else speeds.machine.difference(Machine.here())
        wants_now = options.measure or options.write or options.workers or options.batch_size
        if speeds is None or wants_now:
            print("timing the engines", file=sys.stderr, flush=True)
            speeds, difference = measure(folder), None
        print(speed_table(speeds))
        if difference:
            print(f"measured on another machine ({difference}); --measure measures here")
        if options.write:
            if sha256_of(options.archive) != archive_digest(folder):
                raise ArchiveError(f"{options.archive} was replaced while its engines were timed; time them again")
            replace_speeds(options.archive, speeds)
    return 0


def _set(folder: Path, options: Options) -> None:
    """Give the unpacked archive the settings to measure with."""
    file = folder / CONFIG_FILE
    given = to_model_config({"workers": options.workers, "batch_size": options.batch_size})
    file.write_text(yaml.safe_dump(read_mapping(file) | given), encoding="utf-8")
