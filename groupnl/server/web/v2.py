"""The Open Inference Protocol, version 2, as KServe, Triton and their clients speak it.

A request is answered as a whole: if one of its images cannot be, it is refused, and the refusal names the image. A row
of numbers has no place for an error, and a client that does not look would take whatever stands there for an answer.
A client that looks asks for the output `errors` too; then the other images are answered.
"""

import json
from typing import Any

import groupnl
from groupnl.errors import NotFoundError, NoWorkerError
from groupnl.server.pool.models import Models, Version
from groupnl.server.web.answer import Answer, json_answer
from groupnl.server.web.asking import Asking, ask, body_of
from groupnl.server.web.exchange import Exchange
from groupnl.server.web.health import Health
from groupnl.server.web.json_body import json_bytes
from groupnl.server.web.tensors import INPUTS, classes_needed, first_failure, output_shapes, outputs
from groupnl.server.web.v2_body import JSON_LENGTH_HEADER, inference_answer, read_inference

PLATFORM = "groupnl_pytorch"
EXTENSIONS = ("classification", "binary_tensor_data")


class V2:
    """Answers at `/v2`.

    Args:
        models: that are served.
        health: of the service.
        asking: asks the models.
    """

    def __init__(self, models: Models, health: Health, asking: Asking) -> None:
        self._models = models
        self._health = health
        self._asking = asking

    async def live(self, _: Exchange) -> Answer:
        """The server runs."""
        return json_answer({"live": True})

    async def ready(self, _: Exchange) -> Answer:
        """Every model answers.

        Raises:
            RefusedError: one does not, or the server is about to stop.
        """
        if problem := self._health.problem():
            raise problem
        return json_answer({"ready": True})

    async def server(self, _: Exchange) -> Answer:
        """What the server is."""
        return json_answer({"name": "groupnl", "version": groupnl.__version__, "extensions": EXTENSIONS})

    async def model(self, _: Exchange, name: str, version: str | None = None) -> Answer:
        """What a model takes and gives.

        Raises:
            NotFoundError: there is no such model or version.
        """
        found = self._models.find(name, version)
        versions = self._models.versions(name) if version is None else [found]
        shapes = output_shapes(len(found.manifest.card.classes))
        return json_answer(
            {
                "name": name,
                "versions": [each.number for each in versions],
                "platform": PLATFORM,
                "inputs": [_tensor(*each) for each in INPUTS],
                "outputs": [_tensor(*each) for each in shapes],
            }
        )

    async def model_ready(self, _: Exchange, name: str, version: str | None = None) -> Answer:
        """A model answers.

        Raises:
            NotFoundError: there is no such model or version.
            NoWorkerError: it does not.
        """
        found = self._models.find(name, version)
        if not found.pool.workers:
            raise NoWorkerError(f"The model {name} has no worker that is ready.")
        return json_answer({"name": name, "ready": True})

    async def infer(self, exchange: Exchange, name: str, version: str | None = None) -> Answer:
        """The classes of each image.

        Raises:
            RefusedError: they cannot be told.
            GoneError: nobody waits for the answer.
        """
        question = self._asking.question(exchange, name, version)
        body = body_of(exchange, question, json_bytes(question.model.serving.request_bytes))
        asked = read_inference(await body, exchange.headers.get(JSON_LENGTH_HEADER.lower()), question.most_images)
        classes = question.model.manifest.card.classes
        answers = await ask(question, asked.pictures, classes_needed(asked.wanted, len(classes)))
        if failure := first_failure(answers, asked.wanted):
            return in_its_form(failure)
        answer = inference_answer(
            _head(question.model, asked.id), outputs(answers, asked.wanted, classes), asked.binary
        )
        return answer._replace(headers={**answer.headers, **question.version_header})

    async def nothing(self, exchange: Exchange) -> Answer:
        """Refuse every other address below.

        Raises:
            NotFoundError: always.
        """
        raise NotFoundError(f"There is nothing at {exchange.path[:80]!r}.")


def in_its_form(answer: Answer) -> Answer:
    """An error as the protocol demands it: its sentence stands under `error`, too."""
    error = json.loads(answer.body)
    return answer._replace(body=json_answer({"error": error["message"], **error}).body)


def _head(model: Version, request_id: str | None) -> dict[str, Any]:
    head = {"model_name": model.name, "model_version": model.number}
    return head if request_id is None else {**head, "id": request_id}


def _tensor(name: str, datatype: str, shape: list[int]) -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "shape": shape}
