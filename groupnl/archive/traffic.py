"""What is known of the traffic before it comes, on its way into the archive and out of it."""

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from groupnl.archive.handler_config import HandlerConfig
from groupnl.errors import ArchiveError, ConfigError
from groupnl.traffic.file import TRAFFIC_FILE, Traffic, read_traffic
from groupnl.traffic.record import TrafficRecord

if TYPE_CHECKING:  # a worker reads what was packed, and starts twice as fast without timm
    from groupnl.models.trained import Trained


def matching_traffic(file: Path, trained: "Trained", classes: Collection[str]) -> Traffic:
    """What `groupnl traffic` found with exactly this checkpoint and its input.

    Args:
        file: of `groupnl traffic`.
        trained: what is to be packed.
        classes: names in the archive.

    Raises:
        ConfigError: it is no such file, is of other weights, of images of another size or of classes of other names.
    """
    traffic = read_traffic(file)
    record = traffic.record
    if record.weights_sha256 != trained.sha256:
        raise ConfigError(
            f"{file} is of weights with SHA-256 {record.weights_sha256}, but {trained.path} has {trained.sha256}: "
            "measure this checkpoint with `groupnl traffic`"
        )
    if record.size != trained.input.size:
        raise ConfigError(
            f"{file} is of images of {record.size} pixels, but the archive's are of {trained.input.size}: pack with "
            f"--input-size {record.size}, or leave --traffic out"
        )
    if unknown := [name for name in record.predicted if name not in classes]:
        raise ConfigError(
            f"{file} counts answers of the class {unknown[0]!r}, which the archive does not have: pack with the names "
            "that it was measured with (--classes), or leave --traffic out"
        )
    return traffic


def load_traffic(folder: Path) -> Traffic | None:
    """What an unpacked archive knows of the traffic; None where it has no such file.

    Raises:
        ArchiveError: the file cannot be used.
    """
    file = folder / TRAFFIC_FILE
    if not file.exists():
        return None
    try:
        return read_traffic(file)
    except ConfigError as error:
        raise ArchiveError(f"{error}; then make the archive again") from None


def served_temperature(config: HandlerConfig, traffic: Traffic | None) -> float:
    """By what logits are divided before they are served; 1 where they are served as they are.

    Raises:
        ConfigError: calibrated ones are wanted, and no temperature is known.
    """
    if not config.calibrated:
        return 1.0
    if traffic is None:
        raise ConfigError(
            "handler.calibrated = true needs the temperature that `groupnl traffic` finds, and the archive has none: "
            "pack it with --traffic FILE, or leave `calibrated` out"
        )
    return traffic.record.temperature


def calibration_line(record: TrafficRecord, *, is_calibrated: bool) -> str:
    """How honest the confidence is, for whoever packs.

    Args:
        record: of the checkpoint.
        is_calibrated: whether calibrated probabilities are served.
    """
    served, other = (record.ece_calibrated, record.ece) if is_calibrated else (record.ece, record.ece_calibrated)
    how = "without `calibrated`" if is_calibrated else "with `calibrated: true`"
    return (
        f"confidence: expected calibration error {served:.3f} on {record.images} held-back images; {how} it would be "
        f"{other:.3f} (temperature {record.temperature:.2f})"
    )
