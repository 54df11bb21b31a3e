"""An engine's `engine.json` in an archive: for which machine and of which weights its files are.

Each engine has a folder below `engines/`. Older archives hold one engine, beside the weights.
"""

from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

from groupnl.archive.json_record import read_json_record
from groupnl.archive.manifest import Manifest
from groupnl.archive.proof import Proof
from groupnl.base.files import sha256_of
from groupnl.errors import ArchiveError
from groupnl.inference.device_names import PrecisionName
from groupnl.inference.engine_names import EngineName
from groupnl.inference.engines.quantised import Quantised
from groupnl.inference.engines.target import Target

RECORD_FILE = "engine.json"
ENGINES_FOLDER = "engines"


class EngineRecord(BaseModel):
    """The files of an engine.

    Attributes:
        engine: that they are for.
        target: machine that they are for; None where they run everywhere.
        precision: that they were made for; None where it is chosen when they are opened, or in an archive of 0.1.
        sha256: file name -> SHA-256, the file that the engine opens first.
        weights_sha256: of the weights that they were made from.
        quantised: what is int8 in them; None: nothing.
        proof: that int8 answers as float32 does; None where nothing is int8.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    engine: EngineName
    target: Target | None
    precision: PrecisionName | None = None
    sha256: dict[str, str]
    weights_sha256: str
    quantised: Quantised | None = None
    proof: Proof | None = None

    def check_files(self, folder: Path) -> None:
        """Look at the files' contents: machine code that was changed is not run.

        Raises:
            ArchiveError: one is missing or is not what was packed.
        """
        for name, expected in self.sha256.items():
            file = folder / name
            found = sha256_of(file) if file.is_file() else "no file"
            if found != expected:
                raise ArchiveError(f"{file} has SHA-256 {found}, but {expected} was packed; make the archive again")


def write_engine_record(record: EngineRecord, folder: Path) -> Path:
    """Write `engine.json`; returns its path."""
    file = folder / RECORD_FILE
    file.write_text(record.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return file


class PackedEngine(NamedTuple):
    """An engine's files in an unpacked archive.

    Attributes:
        folder: that holds them.
        record: what they are.
    """

    folder: Path
    record: EngineRecord


def packed_engines(folder: Path, manifest: Manifest) -> dict[EngineName, PackedEngine]:
    """The engines of an unpacked archive that have files.

    Raises:
        ArchiveError: a record cannot be read, or is of other weights than the archive's.
    """
    found = {}
    for file in (folder / RECORD_FILE, *sorted((folder / ENGINES_FOLDER).glob(f"*/{RECORD_FILE}"))):
        if file.exists():
            record = _read_record(file, manifest)
            found[record.engine] = PackedEngine(file.parent, record)
    return found


def _read_record(file: Path, manifest: Manifest) -> EngineRecord:
    record = read_json_record(file, EngineRecord)
    if record.weights_sha256 != manifest.weights_sha256:
        raise ArchiveError(
            f"{file} is of weights with SHA-256 {record.weights_sha256}, but the archive's have "
            f"{manifest.weights_sha256}; make the archive again"
        )
    return record
