"""How an archive wants to be served: the `model-config.yaml` inside it."""

from collections.abc import Mapping
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field

MOST = 1024  # workers of a model, or requests in a batch
UpToMost = Annotated[int, Field(ge=1, le=MOST)]
"""How many workers, or requests in a batch."""
JavaInt = Annotated[int, Field(ge=1, le=2**31 - 1)]
"""How many of something that TorchServe counts."""
_TORCHSERVES_NAMES = {
    "workers": ("minWorkers", "maxWorkers"),
    "batch_size": ("batchSize",),
    "max_batch_delay_ms": ("maxBatchDelay",),
    "response_timeout_s": ("responseTimeout",),
    "startup_timeout_s": ("startupTimeout",),
    "queue_size": ("jobQueueSize",),
}


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

    workers: UpToMost = 2
    batch_size: UpToMost = 8
    max_batch_delay_ms: JavaInt = 1
    response_timeout_s: JavaInt = 120
    startup_timeout_s: JavaInt = 300
    handler: dict[str, Any] = {}

    def to_yaml(self) -> str:
        """The text of `model-config.yaml`, under TorchServe's names."""
        settings = to_model_config(self.model_dump(exclude={"handler"})) | {"handler": self.handler}
        return yaml.safe_dump(settings, sort_keys=False)


def to_model_config(settings: Mapping[str, int | None]) -> dict[str, Any]:
    """Settings under TorchServe's names; those that are None are left out."""
    return {
        theirs: value for ours, value in settings.items() if value is not None for theirs in _TORCHSERVES_NAMES[ours]
    }


def worker_count(model_config: Mapping[str, Any]) -> int:
    """How many worker processes the content of a `model-config.yaml` starts.

    Raises:
        KeyError: a number is missing.
        ValueError: a number that TorchServe would take, and then start nothing, or too much.
    """
    for name in (*_TORCHSERVES_NAMES["workers"], *_TORCHSERVES_NAMES["batch_size"]):
        value = model_config[name]
        if type(value) is not int or not 1 <= value <= MOST:
            raise ValueError(f"{name} = {value!r}: it must be a whole number from 1 to {MOST}")
    return read_setting(model_config, "workers")


def read_setting(model_config: Mapping[str, Any], name: str) -> int:
    """A setting, under our name, in the content of a `model-config.yaml`.

    Raises:
        KeyError: it is missing.
    """
    return int(model_config[_TORCHSERVES_NAMES[name][-1]])
