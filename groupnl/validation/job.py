"""What every process of `groupnl validate` is told once: the checkpoint, and how it is run."""

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

from groupnl.base.folder_lock import waited_for
from groupnl.inference.engines.engine import Engine
from groupnl.inference.workshop import Workshop
from groupnl.models.trained import Trained, open_trained
from groupnl.validation.count import count
from groupnl.validation.crew.job import Count, Told, nth_device
from groupnl.validation.how import How
from groupnl.validation.piece import Piece
from groupnl.validation.tally import CellCounts


@dataclass(frozen=True)
class Source:
    """Which network it is; see `open_trained`."""

    checkpoint: Path
    architecture: str | None
    classes: str | None
    given: Mapping[str, Any]
    averaged: bool

    def open(self) -> Trained:
        """Open it.

        Raises:
            CheckpointError: it cannot be used.
            ConfigError: what is given does not fit it.
        """
        return open_trained(
            self.checkpoint,
            architecture=self.architecture,
            classes=self.classes,
            given=self.given,
            averaged=self.averaged,
        )


class Validation:
    """The job of a validation; see `groupnl.validation.crew.job.Job`.

    Args:
        source: of the network.
        how: it is run.
        trained: the network as this process has opened it; others open it themselves.
    """

    def __init__(self, source: Source, how: How, trained: Trained | None = None) -> None:
        self._source = source
        self._how = how
        self._trained = trained

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"_trained": None}

    @property
    def device(self) -> torch.device:
        """See `Job`."""
        return self._how.device

    @property
    def cores(self) -> int:
        """See `Job`."""
        return self._how.threads + self._how.workers

    @contextmanager
    def opened(self, ordinal: int) -> Iterator[Count[Piece, CellCounts]]:
        """See `Job`."""
        how = self._how._replace(device=nth_device(self._how.device, ordinal))
        torch.set_num_threads(how.threads)
        trained = self._trained or self._source.open()
        with tempfile.TemporaryDirectory(prefix="groupnl-validate-") as temporary:
            cache = how.cache or Path(temporary)
            engine = lru_cache(maxsize=1)(lambda size: _engine(trained, size, how, cache))

            def counted(pieces: Iterable[Piece], told: Told) -> Iterator[CellCounts]:
                return count(pieces, engine, workers=how.workers, batch_size=how.batch_size, told=told)

            yield counted


def _engine(trained: Trained, size: int, how: How, cache: Path) -> Engine:
    """The engine for images of a size; processes with one cache wait for what another one makes there."""
    workshop = Workshop(cache, trained.input.model_copy(update={"size": size}), how.device, how.threads)
    with waited_for(cache):
        return workshop.engine(how.way, trained.network, trained.identity)
