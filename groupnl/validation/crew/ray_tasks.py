"""The tasks of a Ray cluster, a piece each: Ray has others do again what a lost process or machine had."""

import atexit
import logging
import os
import pickle
import signal
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, Generic

import ray
import torch
from ray.exceptions import RayError, RayTaskError

from groupnl.base.ray_nodes import has_room
from groupnl.base.texts import counted
from groupnl.errors import ConfigError, GroupNLError
from groupnl.validation.crew.job import Count, FoundOf, Job, PieceOf, Team, Told
from groupnl.validation.crew.messages import Answered, Failed, Found

_RETRIES = 10  # of a piece, each with another process: it may be what they die of
_AHEAD = 2  # tasks for each that can run


class RayTasks:
    """A cluster, as it is to count.

    Args:
        address: "auto", "HOST:PORT" or "ray://HOST:PORT".

    Raises:
        ConfigError: there is no cluster.
    """

    def __init__(self, address: str) -> None:
        before = signal.getsignal(signal.SIGTERM)
        try:
            ray.init(address, logging_level=logging.WARNING, log_to_driver=False)
        except (RayError, ConnectionError, ValueError, RuntimeError) as error:  # the last: another version
            raise ConfigError(
                f"--ray {address}: no Ray cluster can be used there ({error}): `ray start --head`"
            ) from None
        finally:
            signal.signal(signal.SIGTERM, before)  # Ray's own handler knows nothing of what is to be cleaned up

    def cores(self, device: torch.device) -> int:
        """See `Crew`: one a task; on GPUs, of which each task has one, its share of the cluster's."""
        if device.type != "cuda":
            return 1
        there = ray.cluster_resources()
        return max(1, int(there.get("CPU", 1) / max(1.0, there.get("GPU", 0))))

    @contextmanager
    def at_work(self, job: Job[PieceOf, FoundOf]) -> Iterator[Team[PieceOf, FoundOf]]:
        """See `Crew`."""
        yield _Tasks(job)

    def close(self) -> None:
        """Leave the cluster, which ends the tasks."""
        ray.shutdown()


class _Tasks(Generic[PieceOf, FoundOf]):
    def __init__(self, job: Job[PieceOf, FoundOf]) -> None:
        self._needs = {"CPU": job.cores, "GPU": int(job.device.type == "cuda")}
        if not has_room(ray.nodes(), self._needs):
            needs = " and ".join(counted(count, name) for name, count in self._needs.items() if count)
            raise ConfigError(f"no machine of the Ray cluster has {needs} for a task: lower --threads or --workers")
        self._count = ray.remote(
            num_cpus=self._needs["CPU"], num_gpus=self._needs["GPU"], max_retries=_RETRIES, retry_exceptions=False
        )(_count)
        self._job = pickle.dumps(job)

    def found(self, pieces: Iterable[PieceOf], told: Told) -> Iterator[FoundOf]:
        """See `Team`."""
        tasks: list[Any] = []
        for piece in pieces:
            tasks.append(self._count.remote(self._job, str(Path.cwd()), piece))
            while len(tasks) >= self._most():
                yield self._first(tasks, told)
        while tasks:
            yield self._first(tasks, told)

    def _most(self) -> int:
        """How many tasks there are at a time; machines may come and go."""
        there = ray.cluster_resources()
        can_run = min(there.get(name, 0) // each for name, each in self._needs.items() if each)
        return _AHEAD * max(1, int(can_run))

    def _first(self, tasks: list[Any], told: Told) -> FoundOf:
        """What the first that is done has found; it is taken out."""
        (done, *_), tasks[:] = ray.wait(tasks)
        try:
            answered, found = ray.get(done)
        except RayTaskError:
            raise
        except RayError as error:
            raise ConfigError(
                f"a piece was lost with {1 + _RETRIES} processes, the last time: {error}; what is finished is kept, so "
                "the same command goes on"
            ) from error
        if isinstance(found, Failed):
            raise ConfigError(found.reason)
        told(answered.images)
        what: FoundOf = found.what
        return what


def _count(job: bytes, folder: str, piece: object) -> tuple[Answered, Found | Failed]:
    """A task; it runs in a process that has had others of this job, as a rule."""
    answered: list[int] = []
    try:
        (what,) = _opened(job, folder)([piece], answered.append)
    except GroupNLError as error:
        return Answered(0), Failed(str(error))
    return Answered(sum(answered)), Found(what)


@lru_cache(maxsize=1)
def _opened(job: bytes, folder: str) -> Count[Any, Any]:
    """The job's networks, as long as the process lives.

    Raises:
        ConfigError: this machine lacks the folder in which the command was given, or one of its files.
    """
    try:
        os.chdir(folder)
        # Kept: a manager that nobody holds closes at once, and removes the folder of the engines that are made next.
        ends = ExitStack()
        atexit.register(ends.close)
        return ends.enter_context(pickle.loads(job).opened(0))  # noqa: S301 (our own)
    except OSError as error:
        raise ConfigError(
            f"{error}: every machine of the cluster must have the same files in the same places"
        ) from None
