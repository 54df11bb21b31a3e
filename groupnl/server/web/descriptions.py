"""`/models` and `/models/NAME`: what is served, in TorchServe's words."""

from datetime import UTC, datetime
from typing import Any

import psutil

from groupnl.server.pool.models import Models, Version
from groupnl.server.web.answer import Answer, json_answer
from groupnl.server.web.exchange import Exchange


class Descriptions:
    """Describes the models.

    Args:
        models: that are served.
    """

    def __init__(self, models: Models) -> None:
        self._models = models

    async def all(self, _: Exchange) -> Answer:
        """Every model: name, and the archive it came from."""
        listed = [{"modelName": one.name, "modelUrl": one.archive.name} for one in self._models.current()]
        return json_answer({"models": listed})

    async def one(self, _: Exchange, name: str, version: str | None = None) -> Answer:
        """The versions of one model, the current one first.

        Raises:
            NotFoundError: there is no such model or version.
        """
        found = reversed(self._models.versions(name)) if version is None else [self._models.find(name, version)]
        return json_answer([_description(each) for each in found])


def _description(version: Version) -> dict[str, Any]:
    serving, card = version.serving, version.manifest.card
    return {
        "modelName": version.name,
        "modelVersion": version.number,
        "modelUrl": version.archive.name,
        "sha256": version.digest,
        "architecture": card.architecture,
        "classes": len(card.classes),
        "twin": serving.twin,
        "minWorkers": serving.workers,
        "maxWorkers": serving.workers,
        "batchSize": serving.batch_size,
        "maxBatchDelay": round(serving.patience_s * 1000),
        "responseTimeout": serving.response_timeout_s,
        "jobQueueStatus": {
            "remainingCapacity": serving.queue_size - version.pool.waiting,
            "pendingRequests": version.pool.waiting,
        },
        "workers": [_worker(pid) for pid in version.pool.workers],
    }


def _worker(pid: int) -> dict[str, Any]:
    try:
        process = psutil.Process(pid)
        started, memory = process.create_time(), process.memory_info().rss
    except psutil.NoSuchProcess:  # this moment
        return {"id": str(pid), "pid": pid, "startTime": "", "status": "ENDED", "memoryUsage": 0}
    time = datetime.fromtimestamp(started, UTC).isoformat()
    return {"id": str(pid), "pid": pid, "startTime": time, "status": "READY", "memoryUsage": memory}
