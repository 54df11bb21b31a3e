"""`groupnl robustness`: measures checkpoints on held-back images under all corruptions, and writes their records."""

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, groupby
from operator import attrgetter
from pathlib import Path
from typing import Any

from tqdm import tqdm

from groupnl.base.progress import progress
from groupnl.corruptions import NAMES, Cell
from groupnl.errors import ConfigError
from groupnl.images.folders import LabelledFile
from groupnl.models.trained import Trained
from groupnl.robustness.record import SUFFIX, RobustnessRecord, read_record, write_record
from groupnl.validation.crew.choose import CrewOptions, add_crew_arguments, crew_of
from groupnl.validation.crew.job import Crew, Team
from groupnl.validation.held_back_command import Chosen, HeldBackOptions, add_held_back_arguments, choose_held_back
from groupnl.validation.offline import cell_figures
from groupnl.validation.offline_job import Answers, HeldBackFound, HeldBackPiece, OfflineJob, cell_pieces, clean_pieces
from groupnl.validation.resume import resume
from groupnl.validation.tally import Tally


class Options(HeldBackOptions, CrewOptions):
    """What `groupnl robustness` is told."""

    suffix = SUFFIX


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `groupnl robustness`."""
    add_held_back_arguments(parser, SUFFIX, limit=None, seed="the corruptions and the random part")
    add_crew_arguments(parser)


def run(options: Options) -> int:
    """Measure; what a record of the same settings holds already is kept.

    Raises:
        ConfigError: an option that cannot be used, or a record of other settings is in the way.
        CheckpointError: a checkpoint that cannot be used.
    """
    with crew_of(options) as crew:
        return 0 if crew is None else _run(options, crew)


def _run(options: Options, crew: Crew) -> int:
    chosen = choose_held_back(options)
    if _is_finished(chosen, options.outputs):
        names = " and ".join(str(path) for path in options.outputs)
        print(
            f"all was measured before: no image was looked at again; to measure anew, remove {names}", file=sys.stderr
        )
    else:
        _go_on(options, chosen, crew)
    for path in options.outputs:
        print(path)
    return 0


def _is_finished(chosen: Chosen, outputs: Sequence[Path]) -> bool:
    """Whether all records are there, of the same settings and with every cell: then no image is asked about."""
    return all(
        path.exists() and not _resumed(_fresh(trained, chosen, read_record(path).clean_correct), path).missing()
        for trained, path in zip(chosen.models, outputs, strict=True)
    )


def _go_on(options: Options, chosen: Chosen, crew: Crew) -> None:
    job = OfflineJob(
        options.data,
        chosen.models,
        device=chosen.device,
        precision=chosen.precision,
        threads=options.threads or crew.cores(chosen.device),
        seed=options.seed,
        batch_size=options.batch_size,
    )
    with progress(unit="images", large=True) as bar, crew.at_work(job) as team:
        clean, correct = _clean(team, chosen, options.batch_size, bar)
        records = [
            _resumed(_fresh(trained, chosen, right), path)
            for trained, right, path in zip(chosen.models, correct, options.outputs, strict=True)
        ]
        todo = _todo(records, options.outputs)
        bar.reset(total=len(todo) * len(chosen.files))
        pieces = _pieces(chosen.files, todo, clean, options.batch_size, bar)
        _measure(team.found(pieces, bar.update), records, options.outputs)


def _fresh(trained: Trained, chosen: Chosen, clean_correct: int) -> RobustnessRecord:
    """A record of this measurement without any cell."""
    return RobustnessRecord(
        architecture=trained.architecture,
        weights_sha256=trained.sha256,
        clean_correct=clean_correct,
        corruptions=NAMES,
        **chosen.measured,
    )


def _clean(
    team: Team[HeldBackPiece, HeldBackFound], chosen: Chosen, batch_size: int, bar: "tqdm[Any]"
) -> tuple[Answers, list[int]]:
    """Each model's answers to the clean images, and how many of them are right."""
    found = sorted(team.found(clean_pieces(chosen.files, batch_size), bar.update))
    clean = tuple(tuple(chain.from_iterable(answers)) for answers in zip(*(each.clean for each in found), strict=True))
    return clean, [sum(each.counts[model][None].top1 for each in found) for model in range(len(chosen.models))]


def _todo(records: Sequence[RobustnessRecord], outputs: Sequence[Path]) -> list[Cell]:
    """The cells that are missing, in all records alike."""
    todo = records[0].missing()
    if any(set(record.missing()) != set(todo) for record in records):
        raise ConfigError(f"{outputs[0]} and {outputs[1]} hold different cells; remove one, or measure one by one")
    return todo


def _pieces(
    files: Sequence[LabelledFile], todo: Sequence[Cell], clean: Answers, batch_size: int, bar: "tqdm[Any]"
) -> Iterator[HeldBackPiece]:
    """Those of all cells, a corruption after the other, so that an image is read once for all its severities."""
    for corruption, cells in groupby(todo, key=attrgetter("corruption")):
        bar.set_description(corruption)
        yield from cell_pieces(files, list(cells), clean, batch_size)


def _measure(found: Iterable[HeldBackFound], records: Sequence[RobustnessRecord], outputs: Sequence[Path]) -> None:
    """Add up, and write the records whenever a cell is finished."""
    tallies = [Tally() for _ in records]
    for each in found:
        for tally, counts in zip(tallies, each.counts, strict=True):
            tally.add(counts)
        for cell in each.counts[0]:
            if cell is not None and tallies[0].of(cell).images == records[0].images:
                figures = [cell_figures(cell, tally.of(cell)) for tally in tallies]
                records = [record.with_cell(more) for record, more in zip(records, figures, strict=True)]
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
