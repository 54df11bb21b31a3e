"""`/predictions/NAME` and `/predictions/NAME/VERSION`: one image in, its classes out."""

import re
import time

from groupnl.errors import RefusedError
from groupnl.server.pool.models import Models, Version
from groupnl.server.web.answer import Answer
from groupnl.server.web.exchange import Exchange
from groupnl.server.web.forms import image_of
from groupnl.server.web.limits import Limits
from groupnl.service.items import KEY_HEADER, LABEL_HEADER, TOP_K_HEADER
from groupnl.worker.wire import Part

TIMEOUT_HEADER = "X-Request-Timeout-Ms"
VERSION_HEADER = "X-Model-Version"
_OF_THE_ITEM = tuple(name.lower() for name in (TOP_K_HEADER, KEY_HEADER, LABEL_HEADER))
_MILLISECONDS = re.compile(r"0*([1-9][0-9]{0,8})", re.ASCII)


class Predictions:
    """Answers single images.

    Args:
        models: that are served.
        limits: of a request.
    """

    def __init__(self, models: Models, limits: Limits) -> None:
        self._models = models
        self._limits = limits

    async def predict(self, exchange: Exchange, name: str, version: str | None = None) -> Answer:
        """Answer one request.

        Raises:
            RefusedError: it cannot be answered.
            GoneError: nobody waits for the answer.
        """
        deadline = time.monotonic() + timeout_s(exchange, self._limits.request_s)
        model = self._models.find(name, version)
        body = await exchange.body(model.serving.request_bytes, self._limits.body_s)
        answer = await ask(exchange, model, image_of(exchange, body), deadline)
        return Answer(answer.facts["status"], answer.content, {VERSION_HEADER.lower(): model.number})


async def ask(exchange: Exchange, model: Version, image: bytes, deadline: float) -> Part:
    """A worker's answer to one image of a request.

    Args:
        exchange: the request; its headers go with the image.
        model: who answers.
        image: its bytes.
        deadline: on the monotonic clock.
    """
    facts = {header: exchange.headers[header] for header in _OF_THE_ITEM if header in exchange.headers}
    ticket = model.pool.submit(Part(facts, image))
    part: Part = await exchange.wait_for(ticket.answer, max(deadline - time.monotonic(), 0))
    return part


def timeout_s(exchange: Exchange, most: float) -> float:
    """How long the client, or else the service, gives this request, seconds.

    Raises:
        RefusedError: the header is no whole number from 1 on.
    """
    text = exchange.headers.get(TIMEOUT_HEADER.lower())
    if text is None:
        return most
    match = _MILLISECONDS.fullmatch(text.strip())
    if match is None:
        raise RefusedError(f"{TIMEOUT_HEADER} is {text[:40]!r}; it must be a whole number of milliseconds from 1 on.")
    return min(int(match[1]) / 1000, most)
