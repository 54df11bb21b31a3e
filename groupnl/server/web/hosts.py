"""The names under which a service may be asked: a page whose name was bent to this address has another."""

import re
from collections.abc import Collection

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
_HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[^\[\]:]+)(?::(?P<port>\d{1,5}))?", re.ASCII)


class Hosts:
    """Names, with or without a port.

    Args:
        names: such as ``example.org``; one without a port stands for every port.
        port: that must be named too; None: any.
    """

    def __init__(self, names: Collection[str], port: int | None = None) -> None:
        self._names = {name.lower() for name in names}
        self._port = port

    def __contains__(self, host: str) -> bool:
        match = _HOST.fullmatch(host.lower())
        if match is None:
            return False
        if self._port is not None and match["port"] != str(self._port):
            return False
        return bool({host.lower(), match["name"].removesuffix(".")} & self._names)
