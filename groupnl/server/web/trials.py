"""`/corrupt/NAME` and `/robustness/NAME`: an image under ImageNet-C's corruptions, to be seen, or to be answered.

`?corruption=fog&severity=3&seed=0` says how; the model's workers compute it, when no prediction waits.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

from groupnl.errors import QueueFullError, RefusedError
from groupnl.server.pool.models import Version
from groupnl.server.web.answer import Answer
from groupnl.server.web.asking import Asking, Picture, ask, body_of
from groupnl.server.web.exchange import Exchange
from groupnl.server.web.forms import image_of
from groupnl.worker import CELLS, SEED, SHOWS_PIXELS

PNG = "image/png"
MOST_AT_ONCE = 8  # of a model
PART_OF_QUEUE = 4  # and no more than one in so many of its items that may wait: the rest is for predictions
_SEVERITIES = "12345"
_CORRUPTION, _SEVERITY = "corruption", "severity"
_FORMS = {  # of what may stand in a query
    _CORRUPTION: (re.compile(r"[a-z_]{1,40}"), "the name of one, such as fog"),
    _SEVERITY: (re.compile(f"[{_SEVERITIES}]"), "1 to 5"),
    SEED: (re.compile(r"[0-9]{1,18}", re.ASCII), "a whole number from 0 on"),
}


class Trials:
    """Tries images out.

    Args:
        asking: asks the models.
    """

    def __init__(self, asking: Asking) -> None:
        self._asking = asking
        self._in_hand: Counter[str] = Counter()  # by model

    async def corrupt(self, exchange: Exchange, name: str, version: str | None = None) -> Answer:
        """The model's input under one corruption, as PNG; without a corruption: as it is.

        Raises:
            RefusedError: it cannot be made.
            GoneError: nobody waits for it.
        """
        query = _read(exchange.query)
        if (_CORRUPTION in query) != (_SEVERITY in query):
            raise RefusedError("The address must name both a corruption and a severity, or none of them.")
        answer = await self._ask(exchange, name, version, query, shows_pixels=True)
        return answer._replace(kind=PNG) if answer.status == HTTPStatus.OK else answer

    async def answer(self, exchange: Exchange, name: str, version: str | None = None) -> Answer:
        """The model's answer to the image, and those under one corruption at one severity or at every one.

        Raises:
            RefusedError: there is none.
            GoneError: nobody waits for it.
        """
        query = _read(exchange.query)
        if _CORRUPTION not in query:
            raise RefusedError("The address must name a corruption: ?corruption=fog.")
        return await self._ask(exchange, name, version, query, shows_pixels=False)

    async def _ask(
        self, exchange: Exchange, name: str, version: str | None, query: Mapping[str, str], *, shows_pixels: bool
    ) -> Answer:
        question = self._asking.question(exchange, name, version)
        image = image_of(exchange, await body_of(exchange, question, question.model.serving.request_bytes))
        with self._one_more(question.model):
            (answer,) = await ask(question, [Picture(image, facts=_facts(query) | {SHOWS_PIXELS: shows_pixels})])
        return answer._replace(headers={**answer.headers, **question.version_header})

    @contextmanager
    def _one_more(self, model: Version) -> Iterator[None]:
        most = max(1, min(MOST_AT_ONCE, model.serving.queue_size // PART_OF_QUEUE))
        if self._in_hand[model.name] >= most:
            raise QueueFullError(
                f"{most} images are being corrupted for this model, which is the limit; try again soon."
            )
        self._in_hand[model.name] += 1
        try:
            yield
        finally:
            self._in_hand[model.name] -= 1


def _facts(query: Mapping[str, str]) -> dict[str, Any]:
    corruption, severities = query.get(_CORRUPTION), query.get(_SEVERITY, _SEVERITIES)
    cells = [] if corruption is None else [(corruption, int(severity)) for severity in severities]
    return {CELLS: cells, SEED: int(query[SEED]) if SEED in query else None}


def _read(query: bytes) -> dict[str, str]:
    """What a query says, each name once."""
    pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    for name, value in pairs:
        if name not in _FORMS:
            raise RefusedError(f"The address asks for {name[:40]!r}; there are {', '.join(_FORMS)}.")
        form, words = _FORMS[name]
        if not form.fullmatch(value):
            raise RefusedError(f"The {name} in the address is {value[:40]!r}; it must be {words}.")
    content = dict(pairs)
    if len(content) < len(pairs):
        raise RefusedError("A name stands twice in the address's query.")
    return content
