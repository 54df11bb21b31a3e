"""One run of a validation: pieces are handed out, and the record is written after every cell."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from groupnl.base.progress import progress
from groupnl.validation.crew.job import Crew, Job
from groupnl.validation.piece import Part, Piece
from groupnl.validation.plan import Work
from groupnl.validation.record import Record, counts_of, write
from groupnl.validation.tally import CellCounts, Tally


def validate(work: Work, crew: Crew, job: Job[Piece, CellCounts], batch_size: int, path: Path) -> Record:
    """Measure what is left, and write the record to `path` whenever a cell is finished.

    Args:
        work: what is to be measured.
        crew: counts it.
        job: of the crew.
        batch_size: images at a time.
        path: of the record.

    Returns:
        The record with what was measured.

    Raises:
        ConfigError: an image that cannot be used, or logits that are not finite; what was finished stays.
        RewriteError: the engine cannot be made.
    """
    record = work.record
    if not work.parts:
        return record
    tally = Tally()
    total = sum(work.sets[cell].images for part in work.parts for cell in part.recipe.cells)
    with progress(total=total, unit="images", large=True) as bar, crew.at_work(job) as team:
        for counts in team.found(_pieces(work.parts, batch_size, bar), bar.update):
            tally.add(counts)
            for cell in counts:
                found, images = tally.of(cell), work.sets[cell]
                if found.images == images.images:
                    record = record.with_counts(cell, counts_of(found, images.sha256, images.missing))
                    write(record, path)
    return record


def _pieces(parts: Sequence[Part], batch_size: int, bar: "tqdm[Any]") -> Iterator[Piece]:
    """Those of all parts; which part is handed out is told on the bar."""
    for part in parts:
        cell = part.recipe.cells[0]
        bar.set_description("clean" if cell is None else cell.corruption)
        yield from part.pieces(batch_size)
