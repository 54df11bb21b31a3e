"""Ports for servers of tests."""

import random
import socket
from contextlib import suppress

# Below those that the system gives to clients: one of these may take a port of theirs before its server is up.
_PORTS = range(12_000, 32_000)
_random = random.Random()


def free_ports(count: int = 4) -> list[int]:
    """Ports that nothing listens on at the moment."""
    found: list[int] = []
    while len(found) < count:
        port = _random.choice(_PORTS)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            found += [] if port in found else [port]
    return found
