"""groupnl.server.web.arriving: bodies on their way are bounded all together."""

from contextlib import suppress

import pytest

from groupnl.errors import QueueFullError
from groupnl.server.web.arriving import Arriving


def test_all_bodies_together_are_bounded() -> None:
    arriving = Arriving(10)
    with arriving.body() as first:
        first(4)
        with arriving.body() as second:
            second(5)
            with pytest.raises(QueueFullError, match="try again soon"):
                first(2)
            first(1)
            with pytest.raises(QueueFullError):
                second(1)
        first(5)


def test_a_body_that_breaks_off_gives_back_what_it_had() -> None:
    arriving = Arriving(10)
    for _ in range(3):
        with suppress(ConnectionError), arriving.body() as take:
            take(8)
            raise ConnectionError
    with arriving.body() as take:
        take(10)
