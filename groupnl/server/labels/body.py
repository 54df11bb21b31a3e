"""Labels as clients send them: a list of JSON, an object with such a list, or an object a line."""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from groupnl.errors import BodyTooLargeError, ContentError, JsonError, RefusedError
from groupnl.server.web.json_body import kind, read_json

MOST_LABELS = 10_000
_FIELDS = ("model", "key", "label")
_FORM = '{"model": "NAME", "key": "KEY", "label": "CLASS"}'


class LateLabel(NamedTuple):
    """What a client says of one answer.

    Attributes:
        model: that has answered.
        key: of the request.
        label: the true class, by name or by position from 0.
    """

    model: str
    key: str
    label: str | int


def read_labels(body: bytes) -> list[Any]:
    """What stands for a label each; see `as_label`.

    Raises:
        JsonError, BodyTooLargeError: see `read_json`.
        ContentError: it holds no labels.
        BodyTooLargeError: it holds too many.
    """
    found = _labels(body)
    if len(found) > MOST_LABELS:
        raise BodyTooLargeError(f"The request has {len(found)} labels; at most {MOST_LABELS} are taken at once.")
    if not found:
        raise ContentError(f"There is no label; send at least one, such as {_FORM}.")
    return found


def as_label(content: Any) -> LateLabel:
    """One label.

    Raises:
        RefusedError: it is none.
    """
    if not isinstance(content, dict) or content.keys() != {*_FIELDS}:
        raise RefusedError(f"A label must be an object such as {_FORM}, with no other names.")
    model, key, label = (content[name] for name in _FIELDS)
    if not (isinstance(model, str) and isinstance(key, str)):
        raise RefusedError("The model and the key must be strings.")
    if isinstance(label, bool) or not isinstance(label, str | int):
        raise RefusedError(f"The label must be a class's name or its position, not {kind(label)}.")
    return LateLabel(model, key, label)


def _labels(body: bytes) -> list[Any]:
    lines = [line for line in body.splitlines() if line.strip()]
    if len(lines) > 1 and _is_an_object(lines[0]):
        return _of_lines(lines)
    content = read_json(body)
    if isinstance(content, dict):
        content = content["labels"] if content.keys() == {"labels"} else [content]
    if not isinstance(content, list):
        raise ContentError(f"The labels must be a list, not {kind(content)}.")
    return content


def _of_lines(lines: Sequence[bytes]) -> list[Any]:
    if len(lines) > MOST_LABELS:
        return [*lines]  # too many to be read
    found = []
    for number, line in enumerate(lines, 1):
        try:
            found.append(read_json(line))
        except JsonError as error:
            raise JsonError(f"Line {number}: {error}") from None
    return found


def _is_an_object(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False
