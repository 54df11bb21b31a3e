"""How slow a request may be, and how much of all is on its way."""

from typing import NamedTuple

from groupnl.server.web.arriving import Arriving


class Limits(NamedTuple):
    """The limits of every request.

    Attributes:
        body_s: in which the body must arrive.
        request_s: until the answer.
        arriving: bounds the bodies that are on their way.
    """

    body_s: float
    request_s: float
    arriving: Arriving
