"""The run of `groupnl tune`: services with the candidates' settings, one at a time, each under the same loads."""

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from groupnl.base.mapping import deep_merge
from groupnl.base.others import busy_s
from groupnl.errors import ServerError
from groupnl.metrics import BATCH_SIZE
from groupnl.report.samples import read_endpoint
from groupnl_studies.harness.client import Request
from groupnl_studies.harness.load import LoadProcess
from groupnl_studies.harness.ports import HOST
from groupnl_studies.harness.rounds import in_turns
from groupnl_studies.harness.service import QUIET, RunningService
from groupnl_studies.harness.slot import Slot, slot
from groupnl_studies.tune.search import Axes, Candidate, Figures, Round, Step, search

WARM_S = 1.0
QUEUE = 100  # requests that may wait at least; as many as there are clients, where these are more


@dataclass(frozen=True)
class Plan:
    """What is measured.

    Attributes:
        archive: that is served.
        files: encoded images, sent in turn.
        axes: what is tried.
        clients: connections of the saturated load.
        rounds: how often each candidate is measured.
        seconds: of the saturated load; one client alone asks for half of it.
    """

    archive: Path
    files: Sequence[bytes]
    axes: Axes
    clients: int
    rounds: int
    seconds: float


def tune(plan: Plan, done: Callable[[Candidate, Figures], None]) -> list[Step]:
    """Measure and choose.

    Args:
        plan: what is measured.
        done: called after each measurement.

    Raises:
        ArchiveError: the archive is missing or damaged.
        ConfigError: there is nothing to choose.
        ServerError: a service cannot be started, ended, gave no answer, or each had failures.
    """
    with tempfile.TemporaryDirectory(prefix="groupnl-tune-") as folder, LoadProcess() as load:
        bench = _Bench(plan, Path(folder), load, done)
        return search(plan.axes, bench.rounds)


class _Counts(NamedTuple):
    """What a service has counted.

    Attributes:
        batches: that it answered.
        requests: in them.
    """

    batches: float
    requests: float


class _Bench:
    """Measures candidates.

    Each measurement has a service of its own, started for it: so no other service holds memory or wakes up meanwhile,
    and what differs from one start to the next is in the rounds too.

    Args:
        plan: what is measured.
        folder: for the services' files.
        load: asks the services.
        done: called after each measurement.
    """

    def __init__(self, plan: Plan, folder: Path, load: LoadProcess, done: Callable[[Candidate, Figures], None]) -> None:
        self._plan = plan
        self._folder = folder
        self._load = load
        self._done = done
        self._started = 0
        self._model = plan.archive.stem
        self._requests = [Request(f"/predictions/{self._model}", content) for content in plan.files]

    def rounds(self, candidates: Sequence[Candidate]) -> list[Round]:
        """Measure each candidate in each round; every other round goes the other way, so that none is always first."""
        found: list[Round] = []
        for number in range(self._plan.rounds):
            figures = {each: self._measure(each) for each in in_turns(candidates, number)}
            found.append({each: figures[each] for each in candidates})
        return found

    def _measure(self, candidate: Candidate) -> Figures:
        with self._service(candidate) as service:
            self._load.steady_loop(service.inference_port, self._requests, self._plan.clients, WARM_S)
            before = _counts(service)
            saturated, others = self._slot(service, self._plan.clients, self._plan.seconds)
            after = _counts(service)
            alone, _ = self._slot(service, 1, self._plan.seconds / 2)
        batch = (after.requests - before.requests) / (after.batches - before.batches)
        figures = Figures(saturated, alone, batch, others)
        self._done(candidate, figures)
        return figures

    @contextmanager
    def _service(self, candidate: Candidate) -> Iterator[RunningService]:
        """A service with these settings, warm."""
        self._started += 1
        plain = {"twins": False, "queue_size": max(QUEUE, self._plan.clients)}
        settings = deep_merge(QUIET | plain, candidate.settings())
        models = [f"{self._model}={self._plan.archive.resolve()}"]
        try:
            with RunningService(self._folder / f"{self._started}", models, settings) as service:
                service.wait_until_ready()
                yield service
        except ServerError as error:
            raise ServerError(f"with {candidate.in_words()}: {error}") from None

    def _slot(self, service: RunningService, clients: int, seconds: float) -> tuple[Slot, float]:
        """The figures of one load, and the cores that other programs used meanwhile."""
        start, busy_before = time.perf_counter(), busy_s()
        before, client_before = service.cpu_seconds(), self._load.cpu_s()
        outcome = self._load.steady_loop(service.inference_port, self._requests, clients, seconds)
        service.check_alive()
        used, client = service.cpu_seconds().since(before), self._load.cpu_s() - client_before
        others = (busy_s() - busy_before - used.total - client) / (time.perf_counter() - start)
        return slot(outcome, used, client), max(0.0, others)


def _counts(service: RunningService) -> _Counts:
    samples = read_endpoint(f"http://{HOST}:{service.metrics_port}")
    return _Counts(samples.total(f"{BATCH_SIZE.name}_count"), samples.total(f"{BATCH_SIZE.name}_sum"))
