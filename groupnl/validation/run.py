"""One run of a validation: engines, the stream of images, and the record that is written after every cell."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from itertools import groupby
from pathlib import Path
from typing import Any

from tqdm import tqdm

from groupnl.base.progress import progress
from groupnl.corruptions import Cell
from groupnl.inference.engines.engine import Engine
from groupnl.inference.workshop import Workshop
from groupnl.models.trained import Trained
from groupnl.validation.how import How
from groupnl.validation.loader import Part, batches, read_rows
from groupnl.validation.measure import measure
from groupnl.validation.plan import Work
from groupnl.validation.record import Counts, Record, write


def validate(trained: Trained, work: Work, how: How, path: Path) -> Record:
    """Measure what is left, and write the record to `path` whenever a cell is finished.

    Returns:
        The record with what was measured.

    Raises:
        ConfigError: an image that cannot be used, or logits that are not finite; what was finished stays.
        RewriteError: the engine cannot be made.
    """
    record = work.record

    def finished(cell: Cell | None, counts: Counts) -> None:
        nonlocal record
        record = record.with_counts(cell, counts)
        write(record, path)

    total = sum(work.sets[cell].images for part in work.parts for cell in part.cells)
    with progress(total=total, unit="images", large=True, silent=not work.parts) as bar:
        for size, parts in groupby(work.parts, key=lambda part: part.size):
            with _engine(trained, size, how) as engine:
                stream = batches(read_rows(_told(parts, bar), how.workers), how.batch_size)
                measure(stream, engine, work.sets, finished, bar.update)
    return record


def _told(parts: Iterator[Part], bar: "tqdm[Any]") -> Iterator[Part]:
    """The parts, each told on the bar when its turn comes."""
    for part in parts:
        cell = part.cells[0]
        bar.set_description("clean" if cell is None else cell.corruption)
        yield part


@contextmanager
def _engine(trained: Trained, size: int, how: How) -> Iterator[Engine]:
    temporary = "groupnl-validate-"
    with nullcontext(how.cache) if how.cache else tempfile.TemporaryDirectory(prefix=temporary) as cache:
        workshop = Workshop(Path(cache), trained.input.model_copy(update={"size": size}), how.device, how.threads)
        yield workshop.engine(how.way, trained.network, trained.identity)
