"""groupnl.server.observed.trace: which `traceparent` is taken, by W3C's rules; any other is replaced."""

import re

import pytest

from groupnl.server.observed.trace import Trace

ID, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.mark.parametrize(
    ("header", "flags"),
    [
        (f"00-{ID}-{SPAN}-01", "01"),
        (f"00-{ID}-{SPAN}-00", "00"),
        (f"cc-{ID}-{SPAN}-01", "01"),
        (f"cc-{ID}-{SPAN}-01-what-the-future-brings", "01"),
    ],
)
def test_taken(header: str, flags: str) -> None:
    trace = Trace.of(header)
    assert trace == (ID, SPAN, flags, True)
    assert trace.text == f"00-{ID}-{SPAN}-{flags}"


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        f"ff-{ID}-{SPAN}-01",
        f"00-{ID}-{SPAN}-01-more",
        f"cc-{ID}-{SPAN}-01.more",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{ID}-{'0' * 16}-01",
        f"00-{ID.upper()}-{SPAN}-01",
        f"00-{ID}-{SPAN}",
        f"00-{ID}-{SPAN}-01\n",
        f" 00-{ID}-{SPAN}-01",
        f"00-{ID[:-1]}g-{SPAN}-01",
    ],
)
def test_made_where_it_cannot_be_read(header: str | None) -> None:
    one, other = Trace.of(header), Trace.of(header)
    assert not one.is_taken
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-00", one.text)
    assert one.trace_id not in (ID, other.trace_id)
