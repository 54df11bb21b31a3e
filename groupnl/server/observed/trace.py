"""Which trace a request belongs to: W3C's `traceparent`, taken from the request or made."""

import re
import secrets
from typing import NamedTuple, Self

HEADER = "traceparent"
NOT_SAMPLED, SAMPLED = "00", "01"
_FORM = re.compile(r"(?P<version>[0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?P<more>-.*)?")


class Trace(NamedTuple):
    """A place in a trace.

    Attributes:
        trace_id: 32 hexadecimal digits.
        span_id: 16 hexadecimal digits: who asked, or this request where nobody else is known.
        flags: two hexadecimal digits.
        is_taken: whether the request brought it.
    """

    trace_id: str
    span_id: str
    flags: str
    is_taken: bool

    @classmethod
    def of(cls, header: str | None) -> Self:
        """What a request's header says; a trace of its own, which nobody records, where it says none."""
        match = _FORM.fullmatch(header or "")
        if match is not None and _is_valid(match):
            return cls(match[2], match[3], match[4], True)
        return cls(secrets.token_hex(16), secrets.token_hex(8), NOT_SAMPLED, False)

    @property
    def text(self) -> str:
        """The header's value."""
        return f"00-{self.trace_id}-{self.span_id}-{self.flags}"


def _is_valid(match: re.Match[str]) -> bool:
    """Whether the numbers are some; a version later than 00 may have more fields, and ff is none."""
    is_known = match["version"] != "ff" and (match["version"] != "00" or match["more"] is None)
    return is_known and bool(match[2].strip("0") and match[3].strip("0"))
