"""What every part of the server may ask about it."""

from dataclasses import dataclass


@dataclass
class State:
    """The server's state.

    Attributes:
        is_stopping: answers end their connections, and balancers are told to send no more.
        in_hand: requests that wait for their answer.
    """

    is_stopping: bool = False
    in_hand: int = 0
