"""The chosen images that wait: one thread puts, another takes, and neither their number nor their bytes grow."""

import threading
from collections import deque

from groupnl.service.shadow.job import Job

MOST_BYTES = 64 * 2**20  # of one worker's files, pixels and answers: four files of the largest usual size


class Waiting:
    """A bounded queue.

    Args:
        most_bytes: of what waits.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._jobs: deque[Job] = deque()
        self._bytes = 0
        self._changed = threading.Condition()

    def __len__(self) -> int:
        """How many wait."""
        return len(self._jobs)

    def put(self, job: Job, room: int) -> bool:
        """Let an image wait, at once; False where `room` others wait or there would be too many bytes."""
        with self._changed:
            if len(self._jobs) >= room or self._bytes + job.nbytes > self._most_bytes:
                return False
            self._jobs.append(job)
            self._bytes += job.nbytes
            self._changed.notify()
            return True

    def take(self, most: int, patience_s: float) -> list[Job]:
        """The images that have waited longest, at most so many; none where so long none comes."""
        with self._changed:
            self._changed.wait_for(lambda: self._jobs, patience_s)
            jobs = [self._jobs.popleft() for _ in range(min(most, len(self._jobs)))]
            self._bytes -= sum(job.nbytes for job in jobs)
            return jobs
