"""The image in a body: the body itself, or the one file of a form."""

import email.message
from dataclasses import dataclass, field

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError

from groupnl.errors import FormError
from groupnl.server.web.exchange import Exchange

MOST_FIELDS = 100  # each takes time in which nobody else is read
_FORM = "multipart/form-data"


@dataclass
class _Field:
    """One field of a form, as far as it was read."""

    headers: dict[str, str] = field(default_factory=dict)
    content: list[bytes] = field(default_factory=list)
    name: bytes = b""  # of the header that is being read
    value: bytes = b""

    @property
    def is_file(self) -> bool:
        return _parameter(self.headers.get("content-disposition", ""), "filename") is not None


def image_of(exchange: Exchange, body: bytes) -> bytes:
    """The image that a request brings. Only a form is taken apart; under any other content type the body is the image.

    Raises:
        FormError: the form cannot be read, or it holds no image, or several.
    """
    kind = exchange.headers.get("content-type", "")
    if kind.partition(";")[0].strip().lower() != _FORM:
        return body
    boundary = _parameter(kind, "boundary")
    if not boundary:
        raise FormError("The form names no boundary in its content type.")
    fields = _read(body, boundary)
    files = [each for each in fields if each.is_file] or fields
    if len(files) != 1:
        raise FormError(f"The form has {len(files)} files; send one image.")
    return b"".join(files[0].content)


def _read(body: bytes, boundary: str) -> list[_Field]:
    fields: list[_Field] = []

    def header_value(data: bytes, start: int, end: int) -> None:
        fields[-1].value += data[start:end]

    def header_name(data: bytes, start: int, end: int) -> None:
        fields[-1].name += data[start:end]

    def header_end() -> None:
        one = fields[-1]
        one.headers[one.name.decode("latin-1").lower()] = one.value.decode("latin-1")
        one.name = one.value = b""

    def content(data: bytes, start: int, end: int) -> None:
        fields[-1].content.append(data[start:end])

    def begin() -> None:
        if len(fields) == MOST_FIELDS:
            raise FormError(f"The form has more than {MOST_FIELDS} fields; send one image.")
        fields.append(_Field())

    parser = MultipartParser(
        boundary,
        {
            "on_part_begin": begin,
            "on_header_field": header_name,
            "on_header_value": header_value,
            "on_header_end": header_end,
            "on_part_data": content,
        },
    )
    try:
        parser.write(body)
        parser.finalize()
    except FormParserError as error:
        raise FormError(f"The form cannot be read: {error}.") from None
    return fields


def _parameter(header: str, name: str) -> str | None:
    """A parameter of a header such as ``multipart/form-data; boundary=x``; its bytes, where it names a charset."""
    message = email.message.Message()
    message["content-type"] = header
    try:
        value = message.get_param(name)
    except ValueError:  # a part of it has a number of more digits than can be read
        return None
    return value[2] if isinstance(value, tuple) else value
