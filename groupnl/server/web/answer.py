"""An answer as HTTP sends it, and the one form of an error."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, NamedTuple

from groupnl.errors import (
    GroupNLError,
    MethodError,
    NoWorkerError,
    QueueFullError,
    RefusedError,
    StoppingError,
    UnauthorizedError,
)

JSON = "application/json"
RETRY_AFTER_S = {QueueFullError: 1, NoWorkerError: 5, StoppingError: 5}


class Answer(NamedTuple):
    """What is sent.

    Attributes:
        status: HTTP's.
        body: its content.
        headers: lower-case name -> value, beside the length.
        kind: its content type.
        code: of an error, for the log.
    """

    status: int
    body: bytes
    headers: Mapping[str, str] = {}
    kind: str = JSON
    code: str = ""


def json_answer(content: Any, status: int = HTTPStatus.OK, headers: Mapping[str, str] | None = None) -> Answer:
    """An answer of our own, as JSON."""
    return Answer(status, as_json(content, indent=2) + b"\n", headers or {})


def as_json(content: Any, indent: int | None = None) -> bytes:
    """JSON in UTF-8; half a pair of surrogates, which UTF-8 has not, is written as JSON escapes it."""
    return json.dumps(content, indent=indent, ensure_ascii=False).encode(errors="backslashreplace")


def refusal(error: RefusedError) -> Answer:
    """The answer to a request that is refused: its code and one sentence."""
    headers = {}
    if seconds := RETRY_AFTER_S.get(type(error)):
        headers["retry-after"] = str(seconds)
    if isinstance(error, UnauthorizedError):
        headers["www-authenticate"] = "Bearer"
    if isinstance(error, MethodError):
        headers["allow"] = ", ".join(error.allowed)
    answer = json_answer({"code": error.code, "message": str(error)}, error.status, headers)
    return answer._replace(code=error.code)


def internal_error() -> Answer:
    """The answer where we have failed; what happened is in the log."""
    message = "The service could not answer this request; try again later."
    answer = json_answer({"code": GroupNLError.code, "message": message}, HTTPStatus.INTERNAL_SERVER_ERROR)
    return answer._replace(code=GroupNLError.code)
