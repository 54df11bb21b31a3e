"""NumPy's scalars in a pickle, read as plain numbers: of NumPy nothing is built or called.

Training scripts write them beside the weights (a best accuracy, a learning rate). A scalar is pickled as a call of
`scalar` with a `dtype` and its bytes; `ADMITTED` puts our own two callables in their places.
"""

import struct
from typing import Any

# NumPy's letter and size of a number -> that of struct.
_LETTERS = dict(
    zip(("i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "b1"), "bhiqBHIQefd?", strict=True)
)


class Kind:
    """What a pickle says of a scalar's bytes; in the place of `numpy.dtype`."""

    def __init__(self, name: str, *_: Any) -> None:
        self._letter = _LETTERS.get(name)
        self._order = "<"

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        """The second entry is the order of bytes; `|` where there is one byte."""
        self._order = ">" if state[1] == ">" else "<"

    def number(self, data: Any) -> float | None:
        """The number that the bytes are; exactly, as Python's are as wide. None: a text, a time, an object."""
        if self._letter is None:
            return None
        value: float = struct.unpack(self._order + self._letter, data)[0]
        return value


def scalar(kind: Kind, data: Any) -> float | None:
    """In the place of NumPy's function of that name."""
    return kind.number(data)


# As torch.serialization.safe_globals takes them; NumPy 2 renamed its module.
ADMITTED = (
    (Kind, "numpy.dtype"),
    (scalar, "numpy.core.multiarray.scalar"),
    (scalar, "numpy._core.multiarray.scalar"),
)
