"""Which cells are trained when: in their order, some side by side, until they are done or the time is up."""

import multiprocessing
import statistics
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from typing import NamedTuple

from groupnl.base.child_process import end_with_parent
from groupnl.errors import GroupNLError
from groupnl_studies.grid.cells import StudyCell
from groupnl_studies.grid.result import Result
from groupnl_studies.grid.run import Plan, run_cell


class Failure(NamedTuple):
    """A cell that has no result.

    Attributes:
        cell: which.
        reason: what the error said.
    """

    cell: StudyCell
    reason: str


class Clock:
    """Says whether another cell can be finished in time.

    Args:
        budget_s: seconds from now; None: no end.
        known: results of earlier runs, which tell how long a cell takes.
    """

    def __init__(self, budget_s: float | None, known: Sequence[Result]) -> None:
        self._end = None if budget_s is None else time.monotonic() + budget_s
        self._known = list(known)

    def note(self, result: Result) -> None:
        """Learn from a finished cell."""
        self._known.append(result)

    def has_time_for(self, cell: StudyCell) -> bool:
        """Whether it would be done by the end, if it takes as long as its like did; yes if there was none yet."""
        if self._end is None:
            return True
        return time.monotonic() + self._expected_s(cell) <= self._end

    def _expected_s(self, cell: StudyCell) -> float:
        like = [each.seconds for each in self._known if _work(each.cell) == _work(cell)]
        return statistics.median(like) if like else 0.0


def _work(cell: StudyCell) -> tuple[str, str, str | None]:
    """Cells that are alike in this take about as long."""
    return cell.data, cell.network, cell.training


def run_cells(cells: Sequence[StudyCell], plan: Plan, jobs: int, clock: Clock) -> Iterator[Result | Failure]:
    """Run cells in processes of their own; one that fails, as by a loss that diverges, keeps no other from its turn.

    Args:
        cells: in the order in which they are begun.
        plan: how each is run.
        jobs: cells side by side.
        clock: when one does not fit any more, none is begun after it.

    Yields:
        Each result, when it is written, and each failure.
    """
    waiting = list(reversed(cells))
    running: set[Future[Result | Failure]] = set()
    context = multiprocessing.get_context("spawn")  # torch's threads do not survive a fork
    with ProcessPoolExecutor(jobs, mp_context=context, initializer=end_with_parent) as pool:
        while True:
            while waiting and len(running) < jobs and clock.has_time_for(waiting[-1]):
                running.add(pool.submit(_try_cell, waiting.pop(), plan))
            if not running:
                return
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                outcome = future.result()
                if isinstance(outcome, Result):
                    clock.note(outcome)
                yield outcome


def _try_cell(cell: StudyCell, plan: Plan) -> Result | Failure:
    """Only the errors that are raised on purpose are the cell's; any other stops the study after those that run."""
    try:
        return run_cell(cell, plan)
    except GroupNLError as error:
        return Failure(cell, str(error))
