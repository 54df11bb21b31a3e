"""Ports of this machine for services of our own."""

import random
import socket
from contextlib import suppress

HOST = "127.0.0.1"
# Below those that the system gives to clients: one of these may take a port before the service that it is for is up.
_PORTS = range(12_000, 32_000)
_random = random.Random()  # noqa: S311 (of its own, so that who seeds the module's gets no port twice; no secret)


def free_ports(count: int) -> list[int]:
    """Ports that nothing listens on at the moment."""
    found: list[int] = []
    while len(found) < count:
        port = _random.choice(_PORTS)
        with suppress(OSError), socket.create_server((HOST, port)):
            found += [] if port in found else [port]
    return found


def listens(port: int) -> bool:
    """Whether somebody listens on the port."""
    with suppress(OSError), socket.create_connection((HOST, port), 1.0):
        return True
    return False
