"""The service's worker processes, as `/models/NAME` describes them: did one die, does one grow?"""

from collections.abc import Sequence
from typing import Any, NamedTuple


class Worker(NamedTuple):
    """One worker process; its memory in MiB, 0 where it was not measured (TorchServe does it once a minute)."""

    model: str
    pid: int
    started: str
    ready: bool
    memory_mib: float

    @property
    def identity(self) -> tuple[str, int, str]:
        """Another one after a restart."""
        return self.model, self.pid, self.started


class Sighting(NamedTuple):
    """All workers at one moment, in seconds from the start of the run."""

    at_s: float
    workers: tuple[Worker, ...]


def read_workers(model: str, description: Any) -> tuple[Worker, ...]:
    """The workers of a model in the answer of ``/models/NAME``.

    Raises:
        ValueError: it is no such answer.
    """
    try:
        return tuple(
            Worker(model, entry["pid"], entry["startTime"], entry["status"] == "READY", entry["memoryUsage"] / 2**20)
            for entry in description[0]["workers"]
        )
    except (KeyError, IndexError, TypeError) as error:
        raise ValueError(f"the management API does not describe workers of {model}: {error!r}") from error


def losses(sightings: Sequence[Sighting]) -> list[str]:
    """One sentence for each worker of the first sighting that is missing or not ready in the last one."""
    if len(sightings) < 2:
        return ["the workers were not seen twice"]
    after = {worker.identity: worker for worker in sightings[-1].workers}
    sentences = []
    for worker in sightings[0].workers:
        later = after.get(worker.identity)
        if later is None:
            sentences.append(f"worker {worker.pid} of {worker.model} was replaced or ended")
        elif not later.ready:
            sentences.append(f"worker {worker.pid} of {worker.model} is not ready")
    return sentences


def memory_series(sightings: Sequence[Sighting]) -> dict[str, list[tuple[float, float]]]:
    """For each model, (seconds, MiB of its workers together), where it was measured."""
    series: dict[str, list[tuple[float, float]]] = {}
    for at_s, workers in sightings:
        for model in dict.fromkeys(worker.model for worker in workers):
            total = sum(worker.memory_mib for worker in workers if worker.model == model)
            if total:
                series.setdefault(model, []).append((round(at_s, 1), round(total, 1)))
    return series
