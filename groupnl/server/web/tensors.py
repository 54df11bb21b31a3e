"""What the Open Inference Protocol calls tensors: images that come in, and classes that go out.

How a tensor's values travel (JSON, bytes behind JSON, protobuf) is the business of its protocol.
"""

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from math import prod
from typing import NamedTuple

from groupnl.errors import ContentError, RefusedError
from groupnl.server.web.answer import Answer
from groupnl.server.web.asking import Picture, check_count

TEXT, LEVEL, NUMBER = "BYTES", "UINT8", "FP32"  # the types of values: also an image file's bytes are a text
PROBABILITIES, ERRORS = "probabilities", "errors"  # the names of outputs; an output of any other name is of the first
INPUTS = (  # (name, type, shape); -1: any number
    ("image", TEXT, [-1]),
    ("pixels", LEVEL, [-1, -1, -1, 3]),
)


class Wanted(NamedTuple):
    """An output that a client asks for.

    Attributes:
        name: as it stands in the answer.
        classes: as so many of the most probable classes, in text; 0: as the probability of every class.
    """

    name: str = PROBABILITIES
    classes: int = 0

    @property
    def is_errors(self) -> bool:
        """Whether it tells which images could not be answered, and why: then the others are answered."""
        return self.name == ERRORS


class Numbers(NamedTuple):
    """An output of numbers.

    Attributes:
        name: as the client has asked.
        shape: images, classes.
        values: row by row.
        datatype: of them.
    """

    name: str
    shape: list[int]
    values: list[float]
    datatype: str = NUMBER


class Texts(NamedTuple):
    """An output of texts.

    Attributes:
        name: as the client has asked.
        shape: images, or images and classes.
        values: in UTF-8, row by row.
        datatype: of them.
    """

    name: str
    shape: list[int]
    values: list[bytes]
    datatype: str = TEXT


Output = Numbers | Texts


def output_shapes(classes: int) -> list[tuple[str, str, list[int]]]:
    """Name, type and shape of each output of a model with so many classes."""
    return [(PROBABILITIES, NUMBER, [-1, classes]), (ERRORS, TEXT, [-1])]


def check_files(shape: Sequence[int], count: int, most: int) -> None:
    """Refuse a tensor of files before they are decoded.

    Args:
        shape: what the client says of it.
        count: files that it has.
        most: that it may have.

    Raises:
        ContentError: the shape says otherwise, or there are none.
        TooManyImagesError: there are too many.
    """
    check_count(count, most)
    if prod(shape) != count or not shape or not count:
        raise ContentError(f"An input of shape {_short(shape)} cannot have {count} images.")


def pixels(shape: Sequence[int], content: bytes | memoryview, most: int) -> list[Picture | RefusedError]:
    """The images of a tensor of pixels.

    Args:
        shape: images, rows, columns, 3.
        content: red, green and blue of each pixel, image by image, row by row.
        most: images that it may have.

    Raises:
        ContentError: shape and content do not fit each other.
        TooManyImagesError: there are too many.
    """
    if len(shape) != 4 or shape[3] != 3 or min(shape) < 1:
        raise ContentError(f"Pixels must have a shape of [images, rows, columns, 3], not {_short(shape)}.")
    if prod(shape) != len(content):
        raise ContentError(f"An input of shape {_short(shape)} has {prod(shape)} values, not {len(content)}.")
    count, height, width, _ = shape
    check_count(count, most)
    size = height * width * 3
    return [Picture(bytes(content[start : start + size]), (width, height)) for start in range(0, count * size, size)]


def classes_needed(wanted: Sequence[Wanted], classes: int) -> int:
    """How many of a model's classes the answers must name for these outputs."""
    return max(1, *(each.classes or classes for each in wanted if not each.is_errors), 0)


def first_failure(answers: Sequence[Answer], wanted: Sequence[Wanted]) -> Answer | None:
    """The refusal of the whole request, unless the client looks at errors: a row of numbers has no place for one."""
    if any(each.is_errors for each in wanted):
        return None
    for index, answer in enumerate(answers):
        if answer.status != HTTPStatus.OK:
            error = json.loads(answer.body)
            if len(answers) > 1:
                error["message"] = f"Image {index} of {len(answers)}: {error['message']}"
            return answer._replace(body=json.dumps(error, ensure_ascii=False).encode())
    return None


def outputs(answers: Sequence[Answer], wanted: Sequence[Wanted], classes: Sequence[str]) -> list[Output]:
    """The outputs; the rows of an image that could not be answered hold zeros, or empty texts.

    Args:
        answers: to the images.
        wanted: what the client asks for.
        classes: of the model, in the order of its probabilities.
    """
    found = [json.loads(answer.body) if answer.status == HTTPStatus.OK else {} for answer in answers]
    return [_output(each, found, answers, classes) for each in wanted]


def _output(
    wanted: Wanted, found: Sequence[Mapping[str, float]], answers: Sequence[Answer], classes: Sequence[str]
) -> Output:
    count = len(answers)
    if wanted.is_errors:
        texts = [b"" if answer.status == HTTPStatus.OK else answer.body for answer in answers]
        return Texts(wanted.name, [count], texts)
    if not wanted.classes:
        values = [row.get(name, 0.0) for row in found for name in classes]
        return Numbers(wanted.name, [count, len(classes)], values)
    most = min(wanted.classes, len(classes))
    places = {name: index for index, name in enumerate(classes)}
    lines = [text for row in found for text in _texts(row, places, most)]
    return Texts(wanted.name, [count, most], lines)


def _texts(row: Mapping[str, float], places: Mapping[str, int], most: int) -> list[bytes]:
    """As Triton writes classes: probability, position and name."""
    best = [f"{value:f}:{places[name]}:{name}".encode() for name, value in list(row.items())[:most]]
    return best or [b""] * most


def _short(shape: Sequence[int]) -> str:
    return f"[{', '.join(map(str, shape))}]"[:80]
