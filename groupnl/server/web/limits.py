"""How slow a request may be."""

from typing import NamedTuple


class Limits(NamedTuple):
    """The limits of every request.

    Attributes:
        body_s: in which the body must arrive.
        request_s: until the answer.
    """

    body_s: float
    request_s: float
