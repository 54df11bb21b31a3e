"""`groupnl robustness`: measures checkpoints on held-back images under all corruptions, and writes their records."""

import argparse
from pathlib import Path
from typing import Any

from tqdm import tqdm

from groupnl.base.progress import progress
from groupnl.corruptions import NAMES
from groupnl.errors import ConfigError
from groupnl.robustness.record import SUFFIX, RobustnessRecord, read_record, write_record
from groupnl.validation.held_back_command import HeldBackOptions, add_held_back_arguments, open_held_back
from groupnl.validation.offline import Measurement
from groupnl.validation.resume import resume


class Options(HeldBackOptions):
    """What `groupnl robustness` is told."""

    suffix = SUFFIX


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `groupnl robustness`."""
    add_held_back_arguments(parser, SUFFIX, limit=None, seed="the corruptions and the random part")


def run(options: Options) -> int:
    """Measure; what a record of the same settings holds already is kept.

    Raises:
        ConfigError: an option that cannot be used, or a record of other settings is in the way.
        CheckpointError: a checkpoint that cannot be used.
    """
    models, _, engines, images, measured = open_held_back(options)
    with progress(unit="images", large=True) as bar:
        measurement = Measurement(
            engines, images, seed=options.seed, batch_size=options.batch_size, progress=bar.update
        )
        fresh = [
            RobustnessRecord(
                architecture=trained.architecture,
                weights_sha256=trained.sha256,
                clean_correct=correct,
                corruptions=NAMES,
                **measured,
            )
            for trained, correct in zip(models, measurement.clean_correct(), strict=True)
        ]
        records = [_resumed(record, path) for record, path in zip(fresh, options.outputs, strict=True)]
        _measure(measurement, records, options.outputs, bar)
    for path in options.outputs:
        print(path)
    return 0


def _measure(measurement: Measurement, records: list[RobustnessRecord], outputs: list[Path], bar: "tqdm[Any]") -> None:
    todo = [cell for cell in records[0].missing() if all(cell in record.missing() for record in records)]
    if any(set(record.missing()) != set(todo) for record in records):
        raise ConfigError(f"{outputs[0]} and {outputs[1]} hold different cells; remove one, or measure one by one")
    bar.reset(total=len(todo) * records[0].images)
    for cell in todo:
        bar.set_description(f"{cell.corruption} {cell.severity}")
        found = measurement.cell(cell)
        records = [record.with_cell(figures) for record, figures in zip(records, found, strict=True)]
        for record, path in zip(records, outputs, strict=True):
            write_record(record, path)


def _resumed(fresh: RobustnessRecord, path: Path) -> RobustnessRecord:
    """The record as it lies there, if it is of the same settings; corruptions that are new since then are added."""
    return resume(path, fresh, read=read_record, merge=_with_corruptions_of, settings=_settings)


def _with_corruptions_of(record: RobustnessRecord, other: RobustnessRecord) -> RobustnessRecord:
    known = record.corruptions
    more = tuple(name for name in other.corruptions if name not in known)
    return record.model_copy(update={"corruptions": known + more})


def _settings(record: RobustnessRecord) -> dict[str, Any]:
    return record.model_dump(exclude={"corruptions", "cells"})
