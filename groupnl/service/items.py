"""What a client sent: one item is one image that wants an answer, with the headers that came with it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from groupnl.errors import EmptyInputError, InputError, InvalidHeaderError, UnsupportedTypeError

TOP_K_HEADER = "X-Top-K"
KEY_HEADER = "X-Request-Key"
LABEL_HEADER = "X-Label"
OWN_KEY = "groupnl-start"  # of what the service asks itself: no traffic, and never chosen for a shadow request
# Where a body stands that is no form, and the usual name of an image in a form.
_USUAL_FIELDS = ("body", "data")
_COUNT = re.compile(r"0*([1-9][0-9]*)", re.ASCII)
_POSITION = re.compile(r"[0-9]{1,9}", re.ASCII)


@dataclass(frozen=True)
class Item:
    """One request.

    Attributes:
        fields: form field -> content; a body that is no form stands under ``body``.
        headers: lower-case name -> value.
        size: width and height, where the body holds pixels (red, green and blue of each, row by row) and no file.
    """

    fields: Mapping[str, Any]
    headers: Mapping[str, str]
    size: tuple[int, int] | None = None

    def image(self) -> bytes | bytearray:
        """Return the encoded image, or the pixels, as sent, from the body or from the form's only field.

        Raises:
            EmptyInputError: there is no body and no field, or nothing in it.
            UnsupportedTypeError: the body came with the content type of text or JSON.
            InputError: there are several fields and none has a usual name.
        """
        content = self.fields[self._image_field()]
        # What was declared as text or JSON came decoded: the image's bytes are gone.
        if not isinstance(content, bytes | bytearray):
            raise UnsupportedTypeError("The body was sent as text or JSON; send the bytes of one image.")
        if not content:
            raise _nothing()
        return content

    def top_k(self, default: int) -> int:
        """Return how many classes the answer is to name; more than the model has means all of them.

        Raises:
            InvalidHeaderError: the header is no whole number from 1 on.
        """
        text = self.headers.get(TOP_K_HEADER.lower())
        if text is None:
            return default
        match = _COUNT.fullmatch(text.strip())
        if match is None:
            raise InvalidHeaderError(f"{TOP_K_HEADER} is {text[:40]!r}; it must be a whole number from 1 on.")
        return int(match[1][:9])  # no model has so many classes that further digits mattered

    def key(self) -> str | None:
        """Return what the client calls this request, for choosing shadow requests; None where it gave nothing."""
        return self.headers.get(KEY_HEADER.lower()) or None

    def label(self, classes: Sequence[str]) -> int | None:
        """Return the position of the image's true class, where the client knows it: by name, or by position.

        Raises:
            InvalidHeaderError: the header names no class of the model.
        """
        text = self.headers.get(LABEL_HEADER.lower())
        if text is None:
            return None
        name = text.strip()
        if name in classes:
            return classes.index(name)
        if _POSITION.fullmatch(name) and int(name) < len(classes):
            return int(name)
        raise InvalidHeaderError(
            f"{LABEL_HEADER} is {text[:40]!r}; it must be one of the model's classes, by name or by position from 0 to "
            f"{len(classes) - 1}."
        )

    def _image_field(self) -> str:
        if not self.fields:
            raise _nothing()
        for name in (*_USUAL_FIELDS, *self.fields):
            if name in self.fields and (name in _USUAL_FIELDS or len(self.fields) == 1):
                return name
        raise InputError(f"The form has {len(self.fields)} fields; send one image, in a field named 'data'.")


def _nothing() -> EmptyInputError:
    return EmptyInputError("The body is empty; send one image.")
