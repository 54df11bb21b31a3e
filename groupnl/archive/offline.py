"""The offline robustness of a checkpoint, on its way into the archive."""

from pathlib import Path

from groupnl.base.files import sha256_of
from groupnl.errors import ConfigError
from groupnl.robustness.record import RobustnessRecord, read_record


def matching_record(file: Path, checkpoint: Path) -> RobustnessRecord:
    """The record of exactly this checkpoint.

    Args:
        file: of `groupnl robustness`.
        checkpoint: that is to be packed.

    Raises:
        ConfigError: it is no record, is of other weights, or is not finished.
    """
    record = read_record(file)
    found = sha256_of(checkpoint)
    if record.weights_sha256 != found:
        raise ConfigError(
            f"{file} is of weights with SHA-256 {record.weights_sha256}, but {checkpoint} has {found}: "
            "measure this checkpoint with `groupnl robustness`"
        )
    if missing := record.missing():
        raise ConfigError(f"{file} lacks {len(missing)} cells; the same `groupnl robustness` command goes on with them")
    return record
