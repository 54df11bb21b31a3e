"""How an archive wants to be served: the `model-config.yaml` inside it."""

from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict

from groupnl.base.numbers import Positive


class ServingSettings(BaseModel):
    """TorchServe's settings of one model, and the handler's.

    Attributes:
        workers: worker processes; one computes while the other talks to the frontend.
        batch_size: most requests in one batch.
        max_batch_delay_ms: how long the first request of a batch may wait for others. A client that is alone waits so
            long for nothing; where many ask, batches fill from the queue without it.
        response_timeout_s: a worker that takes longer for one batch is ended and restarted.
        startup_timeout_s: the same for loading and warming up.
        handler: the `handler` section, as the handler's own configuration class understands it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    workers: Positive = 2
    batch_size: Positive = 8
    max_batch_delay_ms: Positive = 1
    response_timeout_s: Positive = 120
    startup_timeout_s: Positive = 300
    handler: dict[str, Any] = {}

    def to_yaml(self) -> str:
        """The text of `model-config.yaml`, under TorchServe's names."""
        settings = {
            "minWorkers": self.workers,
            "maxWorkers": self.workers,
            "batchSize": self.batch_size,
            "maxBatchDelay": self.max_batch_delay_ms,
            "responseTimeout": self.response_timeout_s,
            "startupTimeout": self.startup_timeout_s,
            "handler": self.handler,
        }
        return yaml.safe_dump(settings, sort_keys=False)
