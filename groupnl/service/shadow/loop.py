"""Between the live path and the runner: a bounded queue, and the thread that empties it when there is time.

The live path only offers: it is never made to wait, and nothing that happens here reaches a reply. What is not answered
again is counted by reason, so that chosen images = pairs + dropped ones + waiting ones.
"""

import logging
import random
import threading
import time
from collections.abc import Callable, Sequence
from typing import Protocol

import torch

from groupnl.archive.probe import ProbeSet
from groupnl.archive.shadow_config import ShadowConfig
from groupnl.corruptions import Cell
from groupnl.metrics import EXPIRED, FAULT, QUEUE_FULL
from groupnl.robustness.deck import Deck
from groupnl.robustness.replay import spec_of
from groupnl.robustness.sampling import is_sampled
from groupnl.service.shadow.batch import Batch, Result
from groupnl.service.shadow.counts import ShadowCounts
from groupnl.service.shadow.job import Job
from groupnl.service.shadow.pace import Pace
from groupnl.service.shadow.probing import Probing
from groupnl.service.shadow.runner import Runner
from groupnl.service.shadow.tell_once import TellOnce
from groupnl.service.shadow.waiting import Waiting

logger = logging.getLogger(__name__)
POLL_S = 0.2
LONGEST_PAUSE_S = 60.0  # between failures in a row
_DOUBLINGS = 6  # after which it is reached


class PairListener(Protocol):
    """Is told of every pair, in the shadow thread."""

    def pair(self, job: Job, cell: Cell, result: Result) -> None:
        """An image was answered clean and under a cell; `result` has a change."""


class ShadowLoop:
    """Answers a share of the live images again, corrupted.

    Args:
        runner: corrupts, answers, compares.
        config: which images, which cells, how much time.
        counts: where everything is counted.
        probe: labelled images to replay while no image waits; None: there are none.
        listeners: are told of pairs, beside `counts`.
        needs_files: whether the runner wants the files.
    """

    def __init__(
        self,
        runner: Runner,
        config: ShadowConfig,
        counts: ShadowCounts,
        probe: ProbeSet | None,
        listeners: Sequence[PairListener] = (),
        *,
        needs_files: bool = False,
    ) -> None:
        rng = random.Random()  # noqa: S311 (order only; workers must not start with the same cells)
        self._runner = runner
        self._config = config
        self._counts = counts
        self._pace = Pace(config)
        self._deck = Deck(config.cells(), rng)
        self._probing = _probing(probe, config, rng)
        self._listeners = listeners
        self._needs_files = needs_files
        self._waiting = Waiting()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="shadow", daemon=True)
        self._tell_once = TellOnce(logger)
        self._failures = 0
        self._next_probe = 0.0

    def start(self) -> None:
        """Begin to answer what is offered."""
        self._thread.start()

    def close(self) -> None:
        """Stop; what waits is not answered."""
        self._stopped.set()
        self._thread.join()

    def wants(self, key: str) -> bool:
        """Whether the image of the request with this key is among the share that there is time for."""
        if not is_sampled(key, self._config.share):
            return False
        has_time = is_sampled(key, self._pace.share(time.monotonic()))
        if not has_time:
            self._counts.thinned()
        return has_time

    def offer(self, job: Job) -> None:
        """Take a chosen image, or drop it when as many wait as can be answered in time; never waits."""
        self._counts.sampled()
        if not self._waiting.put(job, self._pace.room):
            self._drop(QUEUE_FULL)
        self._counts.waiting(len(self._waiting))

    def _run(self) -> None:
        try:
            self._recover(self._guarded(self._runner.start))
            while not self._stopped.is_set():
                self._step()
        finally:
            self._runner.close()

    def _step(self) -> None:
        jobs = self._take()
        start = time.monotonic()
        if jobs:
            went_well = self._guarded(lambda: self._answer(jobs))
            if not went_well:
                self._counts.dropped(FAULT, len(jobs))
            self._stopped.wait(_pause(time.monotonic() - start, self._config.time_share))
            if went_well:
                took_s = time.monotonic() - start
                self._pace.answered(len(jobs), took_s)
                self._counts.took(len(jobs), took_s)
            self._recover(went_well)
        elif self._probing is not None and start >= self._next_probe:
            went_well = self._guarded(self._replay)
            now = time.monotonic()
            self._next_probe = now + _pause(now - start, self._config.probe_time_share)
            self._recover(went_well)

    def _take(self) -> list[Job]:
        """The images that have waited longest, without those that have waited too long."""
        jobs = self._waiting.take(self._pace.batch_size, self._patience_s())
        self._counts.waiting(len(self._waiting))  # also when there is none: an offer may have told an older length
        oldest = time.monotonic() - self._config.max_lag_s
        fresh = [job for job in jobs if job.offered_at >= oldest]
        if len(fresh) < len(jobs):
            self._drop(EXPIRED, len(jobs) - len(fresh))
        return fresh

    def _drop(self, reason: str, count: int = 1) -> None:
        """Drop images that there is no time for."""
        self._counts.dropped(reason, count)
        self._pace.found_no_room(time.monotonic())

    def _patience_s(self) -> float:
        """How long to wait for an image: no longer than until the probe set's next turn."""
        if self._probing is None:
            return POLL_S
        return min(max(self._next_probe - time.monotonic(), 0.0), POLL_S)

    def _answer(self, jobs: Sequence[Job]) -> None:
        cells = [self._deck.deal() for _ in jobs]
        specs = [spec_of(job.key, cell, self._config.seed) for job, cell in zip(jobs, cells, strict=True)]
        pixels = torch.stack([job.pixels for job in jobs])
        files = [job.file for job in jobs] if self._needs_files else None
        results = self._runner.run(Batch(pixels, specs, torch.stack([job.clean for job in jobs]), files))
        now = time.monotonic()
        for job, cell, result in zip(jobs, cells, results, strict=True):
            if result is None:
                self._counts.dropped(FAULT)
            else:
                self._counts.pair(cell, result, job.label, now - job.offered_at)
                self._tell(job, cell, result)

    def _tell(self, job: Job, cell: Cell, result: Result) -> None:
        for listener in self._listeners:
            try:
                listener.pair(job, cell, result)
            except Exception as error:  # of one of them; the pair is counted
                self._tell_once(error, "what came of an image could not be told")

    def _replay(self) -> None:
        assert self._probing is not None  # noqa: S101 (for mypy)
        batch = self._probing.deal(self._config.batch_size)
        results = self._runner.run(Batch(batch.pixels, batch.specs))
        for cell, label, result in zip(batch.cells, batch.labels, results, strict=True):
            if result is not None:
                self._counts.probe(cell, correct=result.best == label)

    def _guarded(self, action: Callable[[], None]) -> bool:
        """Do it, and return whether it went well; a fault is told once."""
        try:
            action()
        except Exception as error:
            self._failures += 1
            self._tell_once(error, "shadow requests fail")
            return False
        self._failures = 0
        return True

    def _recover(self, went_well: bool) -> None:
        """After a fault, a pause that grows with faults in a row; the time it takes counts as no work."""
        if not went_well:
            doubled = 2.0 ** min(self._failures - 1, _DOUBLINGS)  # bounded: faults may go on for days
            self._stopped.wait(min(doubled - 1, LONGEST_PAUSE_S))


def _probing(probe: ProbeSet | None, config: ShadowConfig, rng: random.Random) -> Probing | None:
    if probe is None or config.probe_time_share == 0:
        return None
    return Probing(probe, config.cells(), config.seed, rng)


def _pause(busy_s: float, share: float) -> float:
    """How long to rest after so many busy seconds, so that they are this share of the time."""
    return busy_s * (1 / share - 1)
