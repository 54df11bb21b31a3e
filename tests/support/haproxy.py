"""The program HAProxy: the one on the path, or what `.ci/haproxy.sh` fetches."""

from pathlib import Path

from support.fetched import fetched


def program() -> Path:
    """HAProxy's; see `fetched`."""
    return fetched("haproxy.sh")
