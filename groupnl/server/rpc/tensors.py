"""From a request's messages to images and wanted outputs, and from outputs to the answer's message."""

from collections.abc import Sequence
from typing import Any

from groupnl.errors import ContentError, RefusedError
from groupnl.server.rpc.messages import MESSAGES
from groupnl.server.web.asking import Picture
from groupnl.server.web.tensors import LEVEL, TEXT, Numbers, Output, Wanted, check_files, pixels
from groupnl.server.web.v2_body import packed, unpacked

_MOST_OUTPUTS = 16


def pictures_of(request: Any, most: int) -> list[Picture | RefusedError]:
    """The images of a `ModelInferRequest`.

    Args:
        request: the message.
        most: images that it may have.

    Raises:
        RefusedError: they cannot be had.
    """
    if len(request.inputs) != 1:
        raise ContentError(f"The request has {len(request.inputs)} inputs; send the images in one.")
    (given,), raw = request.inputs, request.raw_input_contents
    if len(raw) > 1:
        raise ContentError(f"The request has 1 input, but {len(raw)} raw_input_contents.")
    if min(given.shape, default=0) < 0:
        raise ContentError(f"An input cannot have a shape with {min(given.shape)}.")
    if given.datatype == TEXT:
        texts = unpacked(memoryview(raw[0]), most) if raw else given.contents.bytes_contents
        check_files(given.shape, len(texts), most)
        return [Picture(text) for text in texts]
    if given.datatype == LEVEL:
        return pixels(given.shape, raw[0] if raw else _levels(given.contents.uint_contents), most)
    raise ContentError(f"The input's datatype is {given.datatype[:40]!r}; it must be {TEXT} or {LEVEL}.")


def wanted_by(request: Any) -> list[Wanted]:
    """The outputs that a `ModelInferRequest` asks for, at least one.

    Raises:
        ContentError: they are too many, or a number of classes is none.
    """
    if len(request.outputs) > _MOST_OUTPUTS:
        raise ContentError(f"The request has {len(request.outputs)} outputs; at most {_MOST_OUTPUTS} are given.")
    return [Wanted(each.name, _classes(each)) for each in request.outputs] or [Wanted()]


def response(head: dict[str, str], found: Sequence[Output], *, raw: bool) -> Any:
    """A `ModelInferResponse`.

    Args:
        head: what it says of model and request.
        found: the outputs.
        raw: whether their values come as bytes, as the request's did.
    """
    message = MESSAGES["ModelInferResponse"](**head)
    for output in found:
        tensor = message.outputs.add(name=output.name, datatype=output.datatype, shape=output.shape)
        if raw:
            message.raw_output_contents.append(packed(output))
        elif isinstance(output, Numbers):
            tensor.contents.fp32_contents.extend(output.values)
        else:
            tensor.contents.bytes_contents.extend(output.values)
    return message


def _levels(values: Sequence[int]) -> bytes:
    try:
        return bytes(values)
    except ValueError:
        raise ContentError(f"The contents of {LEVEL} must be from 0 to 255.") from None


def _classes(wanted: Any) -> int:
    values = [each.value for each in wanted.parameters if each.key == "classification"]
    count = max((value.int64_param or value.uint64_param for value in values), default=0)
    if count < 0:
        raise ContentError(f"The classification of an output is {count}; it must be 0 or more.")
    return int(count)
