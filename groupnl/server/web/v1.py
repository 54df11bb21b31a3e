"""The protocol of TensorFlow Serving and KServe, version 1: images in base64, and the classes of each.

An image that cannot be answered has `{"error": ...}` in the place of its classes; the others are answered.
"""

import json
from http import HTTPStatus
from typing import Any

from groupnl.errors import Base64Error, ContentError, RefusedError
from groupnl.server.pool.models import Models, Version
from groupnl.server.web.answer import Answer, json_answer
from groupnl.server.web.asking import Asking, Picture, ask, body_of, check_count
from groupnl.server.web.exchange import Exchange
from groupnl.server.web.json_body import decode_base64, json_bytes, read_object

_FORM = '{"instances": [{"b64": "..."}]}'


class V1:
    """Answers at `/v1`.

    Args:
        models: that are served.
        asking: asks them.
    """

    def __init__(self, models: Models, asking: Asking) -> None:
        self._models = models
        self._asking = asking

    async def all(self, _: Exchange) -> Answer:
        """The models' names."""
        return json_answer({"models": [version.name for version in self._models.current()]})

    async def status(self, _: Exchange, name: str, version: str | None = None) -> Answer:
        """Whether a model answers.

        Raises:
            NotFoundError: there is no such model or version.
        """
        found = self._models.versions(name) if version is None else [self._models.find(name, version)]
        ready = bool(found[-1].pool.workers)
        return json_answer({"name": name, "ready": ready, "model_version_status": [_status(each) for each in found]})

    async def predict(self, exchange: Exchange, name: str, version: str | None = None) -> Answer:
        """The classes of each image, most probable first.

        Raises:
            RefusedError: none can be answered.
            GoneError: nobody waits for the answer.
        """
        question = self._asking.question(exchange, name, version)
        body = body_of(exchange, question, json_bytes(question.model.serving.request_bytes))
        answers = await ask(question, _pictures(await body, question.most_images))
        return json_answer({"predictions": [_prediction(each) for each in answers]}, headers=question.version_header)


def _status(version: Version) -> dict[str, Any]:
    state = "AVAILABLE" if version.pool.workers else "LOADING"
    return {"version": version.number, "state": state, "status": {"error_code": "OK", "error_message": ""}}


def _pictures(body: bytes, most: int) -> list[Picture | RefusedError]:
    instances = read_object(body).get("instances")
    if not isinstance(instances, list) or not instances:
        raise ContentError(f"The JSON must hold a list of images, such as {_FORM}.")
    check_count(len(instances), most)
    return [_picture(instance) for instance in instances]


def _picture(instance: Any) -> Picture | RefusedError:
    try:
        return Picture(decode_base64(_encoded(instance)))
    except Base64Error as error:
        return error


def _encoded(instance: Any) -> Any:
    """The text of `{"b64": ...}`, which may have a name: `{"image": {"b64": ...}}`."""
    for named in (instance, *(instance.values() if isinstance(instance, dict) and len(instance) == 1 else ())):
        if isinstance(named, dict) and named.keys() == {"b64"}:
            return named["b64"]
    raise Base64Error(f"The image is not given as in {_FORM}.")


def _prediction(answer: Answer) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(answer.body)
    return content if answer.status == HTTPStatus.OK else {"error": content}
