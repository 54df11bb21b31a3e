"""A worker of TorchServe around a `Service`: loaded from its context, called with its batches.

Archives hold a copy of `handlers.classifier`, and so of what it calls here: the names in this file stay.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from groupnl.service import loading
from groupnl.service.service import Service
from handlers import chatter
from handlers.batch import read_items, send
from handlers.context import Context


class Worker:
    """Answers the batches of TorchServe's worker.

    Args:
        service: that computes the answers.
    """

    def __init__(self, service: Service) -> None:
        self._service = service

    def handle(self, data: Sequence[Mapping[str, Any]], context: Context) -> list[dict[str, Any]]:
        """Answer a batch; see `GroupNLClassifier.handle`."""
        return send(self._service.answer(read_items(data, context)), context)


def load_service(context: Context) -> Worker:
    """Load the model of the archive that TorchServe unpacked, and warm it up.

    Raises:
        GroupNLError: see `groupnl.service.loading.load_service`.
    """
    facts = context.system_properties
    service = loading.load_service(
        Path(facts["model_dir"]),
        context.model_name,
        context.model_yaml_config or {},
        gpu=facts.get("gpu_id"),
        batch_size=facts.get("batch_size") or 1,
    )
    chatter.silence()
    return Worker(service)
