"""JSON that clients send: read strictly, and only where reading it costs little."""

import binascii
import json
from collections import Counter
from typing import Any, NoReturn

from groupnl.errors import Base64Error, BodyTooLargeError, ContentError, JsonError

MOST_NESTED = 100_000  # lists and objects: an empty one takes 3 bytes of a body, and 60 in memory
MOST_NAMES = 100_000  # of values in objects
MOST_VALUES = 1_000_000  # of a body; they take up to 150 ms, in which nothing else is read
_SLACK = 1024 * 1024  # of names and numbers around the images


def json_bytes(request_bytes: int) -> int:
    """The most bytes of a JSON body: enough for the largest image in base64.

    Args:
        request_bytes: the most bytes of a request that is an image.
    """
    return request_bytes * 4 // 3 + _SLACK


def read_object(body: bytes | memoryview) -> dict[str, Any]:
    """The object that a body is.

    Raises:
        JsonError, BodyTooLargeError: see `read_json`.
        ContentError: it is no object.
    """
    content = read_json(body)
    if not isinstance(content, dict):
        raise ContentError(f"The JSON must be an object, not {kind(content)}.")
    return content


def read_json(body: bytes | memoryview) -> Any:
    """What a body holds.

    Raises:
        JsonError: it is no JSON, or has a name twice, NaN, a number that is too long, or is nested too deeply.
        BodyTooLargeError: it has too many values.
    """
    text = _text(body)
    _check_counts(text)
    try:
        return json.loads(text, parse_constant=_constant, object_pairs_hook=_object)
    except JsonError:
        raise
    except RecursionError:
        raise JsonError("The JSON is nested too deeply.") from None
    except json.JSONDecodeError as error:
        raise JsonError(f"The body is no JSON: {error}.") from None
    except ValueError:
        raise JsonError("The JSON has a number with too many digits.") from None


def decode_base64(text: Any) -> bytes:
    """The bytes of an image.

    Raises:
        Base64Error: it is no base64.
    """
    if not isinstance(text, str):
        raise Base64Error(f"An image must be a string of base64, not {kind(text)}.")
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except ValueError as error:
        raise Base64Error(f"The image cannot be read as base64, in one line with its padding: {error}.") from None


def kind(value: Any) -> str:
    """What a value of JSON is, for people."""
    return {dict: "an object", list: "a list", str: "a string", bool: "true or false", type(None): "null"}.get(
        type(value), "a number"
    )


def _text(body: bytes | memoryview) -> str:
    try:
        return str(body, "utf-8")
    except UnicodeDecodeError as error:
        raise JsonError(f"The JSON is not UTF-8: byte {error.start} cannot be read.") from None


def _check_counts(text: str) -> None:
    """Strings are counted with the rest: base64 has none of these characters."""
    if text.count("[") + text.count("{") > MOST_NESTED:
        raise BodyTooLargeError(f"The JSON has more than {MOST_NESTED} lists and objects; send one flat list of data.")
    if text.count(":") > MOST_NAMES:
        raise BodyTooLargeError(f"The JSON has more than {MOST_NAMES} names of values.")
    if text.count(",") > MOST_VALUES:
        raise BodyTooLargeError(f"The JSON has more than {MOST_VALUES} values; send pixels as binary data.")


def _constant(name: str) -> NoReturn:
    raise JsonError(f"{name} is not JSON.")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        ((twice, _),) = Counter(name for name, _ in pairs).most_common(1)
        raise JsonError(f"The name {twice[:40]!r} stands twice in one object of the JSON.")
    return content
