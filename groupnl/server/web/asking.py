"""From a request to the answers to its images: the way that every protocol takes."""

import asyncio
import re
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from groupnl.errors import (
    EncodedBodyError,
    KillerError,
    LengthRequiredError,
    RefusedError,
    TooManyImagesError,
)
from groupnl.server.observed.account import Account
from groupnl.server.pool.models import Models, Version
from groupnl.server.pool.ticket import Ticket
from groupnl.server.web.answer import Answer, refusal
from groupnl.server.web.exchange import Exchange
from groupnl.server.web.limits import Limits
from groupnl.service.items import KEY_HEADER, LABEL_HEADER, TOP_K_HEADER
from groupnl.worker import CODE, SIZE
from groupnl.worker.wire import Part

TIMEOUT_HEADER = "X-Request-Timeout-Ms"
VERSION_HEADER = "X-Model-Version"
MOST_IMAGES = 64  # of a request; never more than may wait for a model
_OF_THE_ITEM = _TOP_K, _KEY, _LABEL = TOP_K_HEADER.lower(), KEY_HEADER.lower(), LABEL_HEADER.lower()
_MILLISECONDS = re.compile(r"0*([1-9][0-9]{0,8})", re.ASCII)


class Picture(NamedTuple):
    """An image that a request brings.

    Attributes:
        content: a file's bytes, or pixels: red, green and blue of each, row by row.
        size: width and height, of pixels.
        facts: what a worker is to know of it, beside the request's headers.
    """

    content: bytes
    size: tuple[int, int] | None = None
    facts: Mapping[str, Any] = {}


class Caller(Protocol):
    """Whoever asks: a request of HTTP, or of another protocol.

    Attributes:
        headers: lower-case name -> value.
        account: what is known of the request, for the log.
    """

    headers: dict[str, str]
    account: Account

    async def wait_for(self, answer: "asyncio.Future[Any]", seconds: float) -> None:
        """Wait until the future is done; see `Exchange.wait_for`."""


class Question(NamedTuple):
    """A request whose model is known.

    Attributes:
        caller: who asks.
        model: who answers.
        deadline: on the monotonic clock.
        limits: of its body.
    """

    caller: Caller
    model: Version
    deadline: float
    limits: Limits

    @property
    def most_images(self) -> int:
        """How many images it may have."""
        return min(MOST_IMAGES, self.model.serving.queue_size)

    @property
    def version_header(self) -> dict[str, str]:
        """What every answer of a model says in its headers."""
        return {VERSION_HEADER.lower(): self.model.number}


class Asking:
    """Asks models.

    Args:
        models: that are served.
        limits: of a request.
    """

    def __init__(self, models: Models, limits: Limits) -> None:
        self._models = models
        self._limits = limits

    def question(self, caller: Caller, name: str, version: str | None = None) -> Question:
        """What is asked of a model; the time for it begins.

        Raises:
            RefusedError: there is no such model, or the time is no number.
        """
        deadline = time.monotonic() + timeout_s(caller, self._limits.request_s)
        model = self._models.find(name, version)
        caller.account.model, caller.account.version = model.name, model.number
        caller.account.release = model.pool.hold()
        return Question(caller, model, deadline, self._limits)


async def body_of(exchange: Exchange, question: Question, most: int) -> bytes:
    """The body of a request of HTTP.

    Args:
        exchange: the request.
        question: what it asks.
        most: bytes.

    Raises:
        RefusedError: it cannot be had, or not as it is.
        GoneError: it will never be whole.
    """
    headers = exchange.headers
    if "content-length" not in headers and "transfer-encoding" not in headers:
        raise LengthRequiredError("The request tells no Content-Length, and is not chunked: it has no body.")
    if (coding := headers.get("content-encoding", "identity")) != "identity":
        raise EncodedBodyError(f"The body is encoded ({coding[:40]!r}); send it as it is.")
    question.model.pool.check_room()  # before the body, so that who is refused knows it soon
    return await exchange.body(most, question.limits.body_s, question.limits.arriving)


async def ask(question: Question, pictures: Sequence[Picture | RefusedError], top_k: int | None = None) -> list[Answer]:
    """The answers to a request's images, in their order: a worker's, or the refusal of one image alone.

    Args:
        question: the request, whose body has been read; its headers go with the images.
        pictures: its images, at least one, and no more than it may have; an error is its own answer.
        top_k: how many classes the answers name; None: as the headers say, or the model.

    Raises:
        RefusedError: none of them can be answered.
        GoneError: nobody waits for the answers.
    """
    facts = _facts(question.caller, len(pictures), top_k)
    parts = [_part(each, of) for each, of in zip(pictures, facts, strict=True) if isinstance(each, Picture)]
    account = question.caller.account
    tickets = account.tickets = question.model.pool.submit(parts, account.release)
    await question.caller.wait_for(_all_of(tickets), max(question.deadline - time.monotonic(), 0))
    found = iter(ticket.answer.exception() or ticket.answer.result() for ticket in tickets)
    return [_answer(next(found)) if isinstance(each, Picture) else refusal(each) for each in pictures]


def check_count(count: int, most: int) -> None:
    """Refuse too many images, before they are decoded.

    Raises:
        TooManyImagesError: there are more.
    """
    if count > most:
        raise TooManyImagesError(f"The request has {count} images; at most {most} are answered at once.")


def timeout_s(caller: Caller, most: float) -> float:
    """How long the client, or else the service, gives this request, seconds.

    Raises:
        RefusedError: the header is no whole number from 1 on.
    """
    text = caller.headers.get(TIMEOUT_HEADER.lower())
    if text is None:
        return most
    match = _MILLISECONDS.fullmatch(text.strip())
    if match is None:
        raise RefusedError(f"{TIMEOUT_HEADER} is {text[:40]!r}; it must be a whole number of milliseconds from 1 on.")
    return min(int(match[1]) / 1000, most)


def _facts(caller: Caller, count: int, top_k: int | None) -> list[dict[str, Any]]:
    """The headers of each image; a key that stands for several is given a number, so that each has its own."""
    facts = {header: caller.headers[header] for header in _OF_THE_ITEM if header in caller.headers}
    if top_k is not None:
        facts[_TOP_K] = str(top_k)
    if count == 1:
        return [facts]
    if _LABEL in facts:
        raise RefusedError(f"{LABEL_HEADER} is the class of one image, but the request has {count}.")
    return [facts | ({_KEY: f"{facts[_KEY]}-{index}"} if _KEY in facts else {}) for index in range(count)]


def _part(picture: Picture, facts: dict[str, Any]) -> Part:
    sized = facts if picture.size is None else {**facts, SIZE: picture.size}
    return Part({**sized, **picture.facts}, picture.content)


def _all_of(tickets: Sequence[Ticket]) -> "asyncio.Future[Any]":
    """Done when all are answered."""
    waiting = (
        tickets[0].answer
        if len(tickets) == 1
        else asyncio.gather(*(ticket.answer for ticket in tickets), return_exceptions=True)
    )
    waiting.add_done_callback(_take_note)
    return waiting


def _take_note(waiting: "asyncio.Future[Any]") -> None:
    """Look at an end that nobody waits for any more, which asyncio reports as an error otherwise."""
    if not waiting.cancelled():
        waiting.exception()


def _answer(found: Part | BaseException) -> Answer:
    if isinstance(found, KillerError):
        return refusal(found)
    if isinstance(found, BaseException):
        raise found
    return Answer(found.facts["status"], found.content, code=found.facts.get(CODE, ""))
