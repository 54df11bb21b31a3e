"""Where processes of other machines are let in: by TCP, with a key."""

import os
import secrets
import socket
import struct
import time
from collections.abc import Callable
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Listener, answer_challenge, deliver_challenge
from types import TracebackType
from typing import Self

from groupnl.errors import ConfigError
from groupnl.validation.crew.member import Link

_ANSWER_S = 5  # to each step of proving that one has the key; who is slower may knock again
_AGAIN_S = 0.5
_NOT_LET_IN = (AuthenticationError, EOFError, OSError)


class Door:
    """A port of this machine, with a key of its own; it closes with a `with` block.

    Args:
        host: name or address under which the others reach this machine.
        backlog: how many may wait.
    """

    def __init__(self, host: str, backlog: int) -> None:
        self._key = secrets.token_hex()
        self._listener = Listener((host, 0), "AF_INET", backlog=backlog)

    @property
    def told(self) -> str:
        """What those need who are to be let in: port and key."""
        return f"{self._listener.address[1]} {self._key}"

    def let_in(self) -> Link:
        """Wait for the next one that has the key; others are sent away, also who says nothing."""
        while True:
            try:
                link = self._listener.accept()
            except ConnectionError:  # gone before it was let in
                continue
            if self._has_key(link):
                return link
            link.close()

    def _has_key(self, link: Link) -> bool:
        try:
            _allow(link, _ANSWER_S)
            deliver_challenge(link, self._key.encode())
            answer_challenge(link, self._key.encode())
            _allow(link, 0)
        except _NOT_LET_IN:
            return False
        return True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.close()


def enter(host: str, told: Callable[[], str], limit_s: float) -> Link:
    """Be let in.

    Args:
        host: of the door.
        told: gives what `Door.told` says; asked again before each try, for it may be of a door that is no more.
        limit_s: for which it is tried.

    Raises:
        ConfigError: nobody has let this process in by then.
    """
    until = time.monotonic() + limit_s
    while True:
        port, key = told().split()
        try:
            return Client((host, int(port)), "AF_INET", authkey=key.encode())
        except _NOT_LET_IN as error:
            if time.monotonic() > until:
                raise ConfigError(
                    f"the first process does not let this one in at {host}:{port} ({error or type(error).__name__}): "
                    "machines must reach each other's ports"
                ) from None
        time.sleep(_AGAIN_S)


def _allow(link: Link, seconds: int) -> None:
    """Let each reading or writing take so long, for connections have no limit themselves; 0: as long as it takes."""
    with socket.socket(fileno=os.dup(link.fileno())) as same:
        for limit in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            same.setsockopt(socket.SOL_SOCKET, limit, struct.pack("ll", seconds, 0))
