"""The worker processes of one version of a model, kept alive, and given batches as they become free.

When one dies, its items are tried again, each alone; an item with which two have died is refused, and quarantined.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext

from groupnl.errors import KillerError, NoWorkerError, ServerError
from groupnl.metrics import DIED, LOADING, TIMEOUT
from groupnl.server.pool.backlog import Backlog
from groupnl.server.pool.phases import Phases
from groupnl.server.pool.quarantine import Quarantine
from groupnl.server.pool.serving import Serving
from groupnl.server.pool.ticket import Ticket
from groupnl.server.pool.witness import Witness
from groupnl.server.pool.worker_process import Program, WorkerDiedError, WorkerProcess
from groupnl.worker.wire import Part

logger = logging.getLogger(__name__)
MOST_DEATHS = 2
PAUSES_S = (0.0, 0.5, 1.0, 2.0, 5.0)  # before a worker is started again, by failures in a row

Release = Callable[[], None]
Turn = AbstractAsyncContextManager[object]


class Pool:
    """Answers the items of one version of a model.

    Args:
        program: what its workers run.
        serving: how many workers, how large batches.
        witness: learns what happens to the workers.
        load_timeout_s: a worker that takes longer to load its model is ended.
    """

    def __init__(self, program: Program, serving: Serving, witness: Witness, load_timeout_s: float = 300.0) -> None:
        self._load_timeout_s = load_timeout_s
        self._witness = witness
        self._program = program
        self._serving = serving
        self._backlog = Backlog(serving.queue_size, serving.queue_bytes)
        self._quarantine = Quarantine()
        self._ready: set[WorkerProcess] = set()
        self._phases: dict[int, Phases] = {}  # of each worker's latest start, by its place
        self._held: set[Release] = set()  # one for each request that has found this version
        self._coming: set[Release] = set()  # those of them whose images have not come yet
        self._released = asyncio.Event()
        self._is_decided = asyncio.Event()  # whether the model can be loaded
        self._failure: ServerError | None = None
        self._keepers: list[asyncio.Task[None]] = []

    @property
    def waiting(self) -> int:
        """Items that wait for a worker."""
        return len(self._backlog)

    @property
    def waiting_bytes(self) -> int:
        """Bytes of their images."""
        return self._backlog.size

    @property
    def ready(self) -> int:
        """How many workers are ready."""
        return len(self._ready)

    @property
    def workers(self) -> list[int]:
        """The process numbers of the workers that are ready."""
        return [worker.pid for worker in self._ready]

    @property
    def progress(self) -> str:
        """What the worker that is furthest has done until it was ready, or does at the moment; empty before."""
        return str(max(self._phases.values(), key=len, default=""))

    async def start(self, turn: Turn | None = None) -> None:
        """Start the workers, and wait until all are ready; the first of them answers before.

        Args:
            turn: in which each of them loads its model this once; None: at once.

        Raises:
            ServerError: a model that cannot be loaded, or a worker that ended while it was loading.
        """
        for ordinal in range(self._serving.workers):
            self._keepers.append(asyncio.create_task(self._keep(ordinal, turn or nullcontext())))
            await asyncio.sleep(0)  # the first worker of each model takes its turn before the second one of any
        await self._is_decided.wait()
        if self._failure is not None:
            await self.close()
            raise self._failure

    def submit(self, parts: Sequence[Part], held: Release | None = None) -> list[Ticket]:
        """Let the items of one request wait for a worker: all of them, or none.

        An item that has ended workers before is refused at once, by its ticket: `KillerError`.

        Args:
            parts: the items.
            held: what `hold` gave the request, if it was asked.

        Raises:
            QueueFullError: too many wait.
            NoWorkerError: none of the workers is alive.
        """
        self._comes_no_more(held)
        if not self._ready:
            raise _no_worker()
        tickets = [Ticket(part) for part in parts]
        killers = [ticket for ticket in tickets if ticket.part.content in self._quarantine]
        self._backlog.put([ticket for ticket in tickets if ticket not in killers])
        for ticket in killers:
            ticket.fail(_killer())
        return tickets

    def check_room(self) -> None:
        """Raise what `submit` would raise for one more item."""
        if not self._ready:
            raise _no_worker()
        self._backlog.check_room()

    def hold(self) -> Release:
        """Keep the workers for a request whose images come later; to be called when it has been answered."""

        def release() -> None:
            self._held.discard(release)
            self._comes_no_more(release)
            self._released.set()

        self._held.add(release)
        self._coming.add(release)
        return release

    def _comes_no_more(self, held: Release | None) -> None:
        """Its images have come, or never will."""
        if held in self._coming:
            self._coming.remove(held)
            self._backlog.look_again()

    async def drain(self) -> None:
        """Wait until the requests that have found this version by now are answered; not for later ones."""
        there = set(self._held)
        while there & self._held:
            self._released.clear()
            await self._released.wait()

    async def close(self) -> None:
        """End the workers. What still waits is refused."""
        self._backlog.close(NoWorkerError("The service has stopped before this request could be answered."))
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)

    async def _keep(self, ordinal: int, turn: Turn) -> None:
        """One worker, started again whenever it has ended."""
        failures = 0
        while True:
            async with turn:
                worker = await self._started(ordinal)
            turn = nullcontext()  # a model that answers already waits for nobody's start
            if worker is None:
                failures += 1
            else:
                failures = 0
                try:
                    await self._serve_with(worker)
                finally:
                    await self._end(worker)
            await asyncio.sleep(PAUSES_S[min(failures, len(PAUSES_S) - 1)])

    async def _started(self, ordinal: int) -> WorkerProcess | None:
        """A worker that has loaded its model; None where it could not."""
        try:
            worker = await WorkerProcess.start(self._program, ordinal)
        except OSError as error:  # too many open files or processes, no memory
            logger.error("worker %s-%d cannot be started: %s", self._program.model, ordinal, error)
            self._failed(ServerError(f"cannot start a worker of {self._program.model}: {error}"))
            return None
        self._phases[ordinal] = worker.phases
        is_loaded = False
        try:
            await self._load(worker)
            is_loaded = True
        except (ServerError, WorkerDiedError) as error:
            logger.warning("worker %s has ended before its model was loaded: %s", worker.name, error)
            self._failed(error)
        finally:
            if not is_loaded:
                await self._end(worker)
        return worker if is_loaded else None

    async def _end(self, worker: WorkerProcess) -> None:
        await worker.end()
        await asyncio.to_thread(self._tell_end, worker.pid)

    async def _load(self, worker: WorkerProcess) -> None:
        try:
            async with asyncio.timeout(self._load_timeout_s):
                await worker.ready()
        except TimeoutError:
            took = f"a worker of {self._program.model} took more than {self._load_timeout_s:g} s to load its model"
            raise ServerError(took) from None

    def _tell_end(self, pid: int) -> None:
        try:
            self._witness.worker_ended(pid)
        except Exception:  # whatever it is, another worker is to be started
            logger.exception("what process %d has counted is kept later", pid)

    async def _serve_with(self, worker: WorkerProcess) -> None:
        """Give it batches until it has ended."""
        took = worker.phases
        logger.info("worker %s is ready (process %d) after %.1f s: %s", worker.name, worker.pid, took.seconds, took)
        self._ready.add(worker)
        if len(self._ready) == self._serving.workers:
            self._is_decided.set()
        work = asyncio.create_task(self._work(worker))
        gone = asyncio.create_task(worker.gone.wait())
        try:
            await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
            is_late = work.done() and isinstance(work.exception(), TimeoutError)
            self._witness.worker_died(self._program.model, TIMEOUT if is_late else DIED)
            logger.warning("worker %s has ended (process %d); starting another", worker.name, worker.pid)
        finally:
            self._ready.discard(worker)
            for task in (work, gone):
                task.cancel()
            await asyncio.gather(work, gone, return_exceptions=True)

    async def _work(self, worker: WorkerProcess) -> None:
        while True:
            batch = await self._backlog.take(self._serving.batch_size, self._patience_s)
            for ticket in batch:
                ticket.taken = time.perf_counter()
            try:
                async with asyncio.timeout(self._serving.response_timeout_s):
                    answers = await worker.ask([ticket.part for ticket in batch])
            except BaseException as error:
                if isinstance(error, TimeoutError):
                    logger.error("worker %s took more than %d s", worker.name, self._serving.response_timeout_s)
                worker.kill()
                self._try_again(batch)
                raise
            for ticket, answer in zip(batch, answers, strict=True):
                ticket.reply(answer)

    def _patience_s(self) -> float:
        """None where no other request is on its way: for a client that is alone there is nobody to wait for."""
        return self._serving.patience_s if self._coming else 0.0

    def _try_again(self, batch: Sequence[Ticket]) -> None:
        for ticket in batch:
            ticket.deaths += 1
            if ticket.deaths >= MOST_DEATHS:
                logger.error("an image has ended %d workers, and is refused for a while", ticket.deaths)
                self._quarantine.add(ticket.part.content)
                ticket.fail(_killer())
        self._backlog.put_back(batch)

    def _failed(self, error: Exception) -> None:
        """One could not load its model. A first one that fails says that none will do; later ones are tried again."""
        self._witness.worker_died(self._program.model, LOADING)
        if self._is_decided.is_set():
            return
        ended = ServerError(f"a worker of {self._program.model} ended before its model was loaded; see the log")
        self._failure = error if isinstance(error, ServerError) else ended
        self._is_decided.set()


def _no_worker() -> NoWorkerError:
    return NoWorkerError("The model's workers are being restarted; try again in some seconds.")


def _killer() -> KillerError:
    return KillerError(
        "The service could not answer this image: the processes that tried to ended. It is not tried again."
    )
