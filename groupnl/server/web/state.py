"""What every part of the server may ask about it."""

import secrets
from dataclasses import dataclass, field

RUN_HEADER = "x-groupnl-run"  # of `/ready`: which start of the server answers


@dataclass
class State:
    """The server's state.

    Attributes:
        is_stopping: answers end their connections, and balancers are told to send no more.
        in_hand: requests that wait for their answer.
        run: name of this start of the server.
    """

    is_stopping: bool = False
    in_hand: int = 0
    run: str = field(default_factory=lambda: secrets.token_hex(8))
