"""How a model is served: the numbers of its `model-config.yaml`, as the pool needs them."""

from collections.abc import Mapping
from typing import Any, NamedTuple, Self

from groupnl.archive.model_config import read_setting
from groupnl.server.store import max_image_bytes, request_bytes


class Serving(NamedTuple):
    """The numbers of one model.

    Attributes:
        workers: processes.
        batch_size: most items in a batch.
        patience_s: how long the first item of a batch may wait for others, seconds.
        response_timeout_s: a worker that takes longer for one batch is ended.
        queue_size: most items that wait.
        queue_bytes: most bytes of images that wait.
        request_bytes: most bytes of a request.
        twin: name of the model that it is compared with; None: there is none.
    """

    workers: int
    batch_size: int
    patience_s: float
    response_timeout_s: int
    queue_size: int
    queue_bytes: int
    request_bytes: int
    twin: str | None = None

    @classmethod
    def of(cls, model_config: Mapping[str, Any], queue_bytes: int) -> Self:
        """From the content of a `model-config.yaml`, which this start has completed.

        Raises:
            KeyError: a number is missing.
        """
        return cls(
            workers=read_setting(model_config, "workers"),
            batch_size=read_setting(model_config, "batch_size"),
            patience_s=read_setting(model_config, "max_batch_delay_ms") / 1000,
            response_timeout_s=read_setting(model_config, "response_timeout_s"),
            queue_size=read_setting(model_config, "queue_size"),
            queue_bytes=queue_bytes,
            request_bytes=request_bytes(max_image_bytes(model_config["handler"])),
            twin=(model_config["handler"].get("shadow") or {}).get("twin"),
        )
