"""The Open Inference Protocol's JSON, and Triton's extension of it: values as bytes behind the JSON.

See https://github.com/kserve/open-inference-protocol and, for the bytes, `extension_binary_data.md` of Triton.
"""

import struct
from collections.abc import Sequence
from http import HTTPStatus
from itertools import chain
from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from groupnl.base.problems import phrase
from groupnl.errors import Base64Error, ContentError, RefusedError
from groupnl.server.web.answer import Answer, as_json
from groupnl.server.web.asking import Picture, check_count
from groupnl.server.web.json_body import decode_base64, read_object
from groupnl.server.web.tensors import LEVEL, TEXT, Numbers, Output, Wanted, check_files, pixels

JSON_LENGTH_HEADER = "Inference-Header-Content-Length"
BINARY = "application/octet-stream"
_LENGTH = struct.Struct("<I")  # before each text of a tensor of texts
_DEEPEST = 3  # lists in the list of values, which may be nested as its shape is


class _Protocol(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True)  # names that are not ours are left alone: the protocol says so


class _InputParameters(_Protocol):
    binary_data_size: Annotated[int, Field(ge=0)] | None = None


class _Input(_Protocol):
    name: str
    datatype: str
    shape: Annotated[list[Annotated[int, Field(ge=0, lt=2**63)]], Field(max_length=8)]
    data: Any = None
    parameters: _InputParameters = _InputParameters()


class _OutputParameters(_Protocol):
    classification: Annotated[int, Field(ge=0)] = 0
    binary_data: bool | None = None


class _Output(_Protocol):
    name: str
    parameters: _OutputParameters = _OutputParameters()


class _Parameters(_Protocol):
    binary_data_output: bool = False


class _Request(_Protocol):
    id: str | None = None
    inputs: list[_Input]
    outputs: Annotated[list[_Output], Field(max_length=16)] = []
    parameters: _Parameters = _Parameters()


class Inference(NamedTuple):
    """What a request asks.

    Attributes:
        id: of the request, which the answer repeats.
        pictures: its images.
        wanted: outputs, at least one.
        binary: for each of them, whether its values are to come as bytes.
    """

    id: str | None
    pictures: list[Picture | RefusedError]
    wanted: list[Wanted]
    binary: list[bool]


def read_inference(body: bytes, json_length: str | None, most: int) -> Inference:
    """What a body asks.

    Args:
        body: JSON, and bytes behind it.
        json_length: the header that says how many bytes are JSON; None: all.
        most: images that it may have.

    Raises:
        RefusedError: it cannot be answered.
    """
    length = _json_length(json_length, len(body))
    request = _request(read_object(memoryview(body)[:length]))
    if len(request.inputs) != 1:
        raise ContentError(f"The request has {len(request.inputs)} inputs; send the images in one.")
    (given,) = request.inputs
    usual = request.parameters.binary_data_output
    of_outputs = [each.parameters for each in request.outputs]
    wanted = [Wanted(each.name, each.parameters.classification) for each in request.outputs] or [Wanted()]
    binary = [usual if each.binary_data is None else each.binary_data for each in of_outputs] or [usual]
    return Inference(request.id, _pictures(given, memoryview(body)[length:], most), wanted, binary)


def inference_answer(content: dict[str, Any], found: Sequence[Output], binary: Sequence[bool]) -> Answer:
    """The answer.

    Args:
        content: what it says of the model.
        found: its outputs.
        binary: for each, whether its values stand behind the JSON.
    """
    described: list[dict[str, Any]] = []
    pieces: list[bytes] = []
    for output, as_bytes in zip(found, binary, strict=True):
        one: dict[str, Any] = {"name": output.name, "datatype": output.datatype, "shape": output.shape}
        if as_bytes:
            pieces.append(packed(output))
            one["parameters"] = {"binary_data_size": len(pieces[-1])}
        else:
            one["data"] = [str(each, "utf-8") if isinstance(each, bytes) else each for each in output.values]
        described.append(one)
    text = as_json({**content, "outputs": described})
    if not pieces:
        return Answer(HTTPStatus.OK, text)
    headers = {JSON_LENGTH_HEADER.lower(): str(len(text))}
    return Answer(HTTPStatus.OK, b"".join((text, *pieces)), headers, BINARY)


def packed(output: Output) -> bytes:
    """The values as bytes: numbers of 4 bytes, texts after their lengths; the lower byte first."""
    if isinstance(output, Numbers):
        return struct.pack(f"<{len(output.values)}f", *output.values)
    return b"".join(chain.from_iterable((_LENGTH.pack(len(text)), text) for text in output.values))


def unpacked(content: memoryview, most: int) -> list[bytes]:
    """The texts of a tensor of texts, each after its length.

    Args:
        content: all of it.
        most: texts that it may have.

    Raises:
        ContentError: they do not end where the lengths say.
        TooManyImagesError: there are too many.
    """
    found: list[bytes] = []
    place = 0
    while place < len(content):
        check_count(len(found) + 1, most)
        start = place + _LENGTH.size
        end = start + _LENGTH.unpack_from(content, place)[0] if start <= len(content) else start
        if end > len(content):
            raise ContentError(f"The binary data is cut short: image {len(found)} ends after its last byte.")
        found.append(bytes(content[start:end]))
        place = end
    return found


def _json_length(header: str | None, most: int) -> int:
    if header is None:
        return most
    if not (header.isascii() and header.isdigit() and len(header) < 10 and int(header) <= most):
        raise ContentError(f"{JSON_LENGTH_HEADER} is {header[:40]!r}, but the body has {most} bytes.")
    return int(header)


def _request(content: dict[str, Any]) -> _Request:
    try:
        return _Request.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        wrong = "is missing" if first["type"] == "missing" else f"cannot be used: {phrase(first)}"
        raise ContentError(f"In the JSON {place[:80]} {wrong}.") from None


def _pictures(given: _Input, rest: memoryview, most: int) -> list[Picture | RefusedError]:
    size = given.parameters.binary_data_size
    if (size or 0) != len(rest):
        raise ContentError(f"{len(rest)} bytes stand behind the JSON, but its binary_data_size is {size or 0}.")
    if (size is None) == (given.data is None):
        raise ContentError("An input must have either data or a binary_data_size.")
    if given.datatype == TEXT:
        texts = _flat(given.data) if size is None else unpacked(rest, most)
        check_files(given.shape, len(texts), most)
        return [_decoded(text) if size is None else Picture(text) for text in texts]
    if given.datatype == LEVEL:
        return pixels(given.shape, _levels(given.data) if size is None else rest, most)
    raise ContentError(f"The input's datatype is {given.datatype[:40]!r}; it must be {TEXT} or {LEVEL}.")


def _decoded(text: Any) -> Picture | RefusedError:
    try:
        return Picture(decode_base64(text))
    except Base64Error as error:
        return error


def _levels(data: Any) -> bytes:
    try:
        return bytes(_flat(data))
    except (TypeError, ValueError):
        raise ContentError(f"The data of {LEVEL} must be whole numbers from 0 to 255.") from None


def _flat(data: Any) -> list[Any]:
    """The values of a list that may be nested as its shape is."""
    for _ in range(_DEEPEST):
        if not isinstance(data, list) or not data or not all(isinstance(each, list) for each in data):
            break
        data = list(chain.from_iterable(data))
    if not isinstance(data, list):
        raise ContentError("The data of an input must be a list.")
    return data
