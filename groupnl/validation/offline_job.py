"""The offline truth in pieces: some images in some cells, counted by any process; see `groupnl.validation.piece`."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import torch

from groupnl.corruptions.names import Cell
from groupnl.images.folders import LabelledFile
from groupnl.inference.engines.torch_engine import TorchEngine
from groupnl.models.trained import Trained, open_described
from groupnl.validation.crew.job import Count, Told, nth_device
from groupnl.validation.offline import Measurement, read_files
from groupnl.validation.piece import ranges
from groupnl.validation.tally import CellCounts

Answers = tuple[tuple[int, ...], ...]
"""Of each model, its best class of each image."""


class HeldBackPiece(NamedTuple):
    """What is counted at a time.

    Attributes:
        start: place of the first image among all.
        files: the images.
        cells: in which they are answered.
        clean: answers without corruption; None: they are asked for.
    """

    start: int
    files: tuple[LabelledFile, ...]
    cells: tuple[Cell, ...] = ()
    clean: Answers | None = None


class HeldBackFound(NamedTuple):
    """What was found.

    Attributes:
        start: of the piece.
        clean: answers without corruption.
        counts: of each model in each cell, and without corruption (None).
    """

    start: int
    clean: Answers
    counts: tuple[CellCounts, ...]


def clean_pieces(files: Sequence[LabelledFile], batch_size: int) -> Iterator[HeldBackPiece]:
    """All images, to be answered without corruption."""
    for rows in ranges(len(files), 1, batch_size):
        yield HeldBackPiece(rows.start, tuple(files[rows]))


def cell_pieces(
    files: Sequence[LabelledFile], cells: Sequence[Cell], clean: Answers, batch_size: int
) -> Iterator[HeldBackPiece]:
    """All images, to be answered in some cells."""
    for rows in ranges(len(files), len(cells), batch_size):
        yield HeldBackPiece(rows.start, tuple(files[rows]), tuple(cells), tuple(answers[rows] for answers in clean))


class OfflineJob:
    """The job of `groupnl robustness`; see `groupnl.validation.crew.job.Job`.

    Args:
        data: folder of the images.
        models: of one input.
        device: which kind of device runs them.
        precision: of their products.
        threads: of the CPU.
        seed: of the corruptions, beside each image's key.
        batch_size: images at a time.
    """

    def __init__(
        self,
        data: Path,
        models: Sequence[Trained],
        *,
        device: torch.device,
        precision: torch.dtype,
        threads: int,
        seed: int,
        batch_size: int,
    ) -> None:
        self.device = device
        self.cores = threads
        self._data = data
        self._paths = [trained.path for trained in models]
        self._input = models[0].input
        self._models: Sequence[Trained] | None = models
        self._precision = precision
        self._seed = seed
        self._batch_size = batch_size

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"_models": None}

    @contextmanager
    def opened(self, ordinal: int) -> Iterator[Count[HeldBackPiece, HeldBackFound]]:
        """See `Job`."""
        torch.set_num_threads(self.cores)
        device = nth_device(self.device, ordinal)
        models = self._models or [open_described(path)[0] for path in self._paths]
        engines = [TorchEngine(trained.network, trained.input, device, self._precision) for trained in models]

        def count(pieces: Iterable[HeldBackPiece], told: Told) -> Iterator[HeldBackFound]:
            return (self._found(engines, piece, told) for piece in pieces)

        yield count

    def _found(self, engines: Sequence[TorchEngine], piece: HeldBackPiece, told: Told) -> HeldBackFound:
        measurement = Measurement(
            engines,
            read_files(piece.files, self._data, self._input),
            seed=self._seed,
            batch_size=self._batch_size,
            progress=told,
            clean=None if piece.clean is None else torch.tensor(piece.clean),
        )
        cells: tuple[Cell | None, ...] = piece.cells or (None,)
        of_models = zip(*map(measurement.counts, cells), strict=True)
        counts = tuple(dict(zip(cells, each, strict=True)) for each in of_models)
        return HeldBackFound(piece.start, tuple(map(tuple, measurement.clean.tolist())), counts)
