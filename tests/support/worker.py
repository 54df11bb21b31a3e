"""A batch on its way through the handler as TorchServe's worker would send it.

Uses TorchServe's own context and message code, so that the answers' bytes are those that leave the worker.
"""

import json
import struct
import warnings
from pathlib import Path
from typing import Any, NamedTuple

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # ts leaves a file open when it is imported
    from ts.context import Context
    from ts.protocol.otf_message_handler import create_predict_response
    from ts.service import Service

from handlers.classifier import GroupNLClassifier

FLOAT32 = {"handler": {"precision": "float32", "device": "cpu", "shadow": {"share": 0}}}


class Answer(NamedTuple):
    """One answer as it leaves the worker."""

    status: int
    phrase: str
    content_type: str
    body: bytes

    def json(self) -> dict[str, Any]:
        """Parse the body, refusing NaN as strict parsers do."""

        def refuse(constant: str) -> None:
            raise ValueError(f"{constant} is not JSON")

        return json.loads(self.body, parse_constant=refuse)


def request(
    body: Any = None, headers: dict[str, str] | None = None, fields: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Make one request as the worker gets it from its socket."""
    parameters = dict(fields or {})
    if body is not None:
        parameters["body"] = body
    return {
        "requestId": b"an-id",
        "headers": [{"name": k.encode(), "value": v.encode()} for k, v in (headers or {}).items()],
        "parameters": [{"name": k, "contentType": "", "value": v} for k, v in parameters.items()],
    }


def make_context(
    model_dir: Path, batch_size: int = 8, config: dict[str, Any] | None = None, name: str = "tiny"
) -> Context:
    """Make the context of a worker without a GPU."""
    return Context(name, str(model_dir), {}, batch_size, None, "0.12.0", model_yaml_config=config)


def send_batch(handler: Any, context: Context, requests: list[dict[str, Any]]) -> list[Answer]:
    """Hand a batch to the handler and read the answers out of the worker's reply message."""
    processors, data, ids = Service.retrieve_data_for_inference(requests)
    context.request_ids = ids
    context.request_processor = processors
    result = handler.handle(data, context)
    assert isinstance(result, list)
    assert len(result) == len(requests)
    return _parse(bytes(create_predict_response(result, ids, "ok", 200, context=context)))


def _parse(message: bytes) -> list[Answer]:
    position = 0

    def number() -> int:
        nonlocal position
        position += 4
        return struct.unpack_from("!i", message, position - 4)[0]

    def text(length: int) -> bytes:
        nonlocal position
        position += length
        return message[position - length : position]

    assert number() == 200
    text(number())
    answers = []
    while (length := number()) != -1:
        text(length)
        content_type = text(number()).decode()
        status, phrase = number(), text(number()).decode()
        for _ in range(number()):
            text(number())
            text(number())
        answers.append(Answer(status, phrase, content_type, text(number())))
    return answers


class Worker:
    """A handler that has been loaded, and its context."""

    def __init__(self, folder: Path, config: dict[str, Any] | None = None) -> None:
        self.handler = GroupNLClassifier()
        self.context = make_context(folder, config=FLOAT32 if config is None else config)
        self.handler.initialize(self.context)

    @property
    def service(self) -> Any:
        """What the handler calls: the part that knows no server."""
        return self.handler._service._service

    def send(self, *requests: dict[str, Any]) -> list[Answer]:
        return send_batch(self.handler, self.context, list(requests))
