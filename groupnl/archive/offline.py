"""The offline robustness of a checkpoint, on its way into the archive."""

from pathlib import Path

from groupnl.errors import ConfigError
from groupnl.models.trained import Trained
from groupnl.robustness.record import RobustnessRecord, read_record


def matching_record(file: Path, trained: Trained) -> RobustnessRecord:
    """The record of exactly this checkpoint.

    Args:
        file: of `groupnl robustness`.
        trained: what is to be packed.

    Raises:
        ConfigError: it is no record, is of other weights, or is not finished.
    """
    record = read_record(file)
    if record.weights_sha256 != trained.sha256:
        raise ConfigError(
            f"{file} is of weights with SHA-256 {record.weights_sha256}, but {trained.path} has {trained.sha256}: "
            "measure this checkpoint with `groupnl robustness`"
        )
    if missing := record.missing():
        raise ConfigError(f"{file} lacks {len(missing)} cells; the same `groupnl robustness` command goes on with them")
    return record
