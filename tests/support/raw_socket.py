"""HTTP as bytes, for what clients do not let one say."""

import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager

HEADERS_END = b"\r\n\r\n"


class RawSocket:
    """A connection to a port of this machine."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._file = connection.makefile("rb")

    def send(self, content: bytes) -> None:
        self._connection.sendall(content)

    def answer(self) -> tuple[int, dict[str, str], bytes]:
        """The next answer: status, headers (names in small letters), body."""
        status = int(self._file.readline().split()[1])
        headers = {}
        while line := self._file.readline().strip():
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        return status, headers, self._file.read(int(headers.get("content-length", 0)))

    def is_closed(self) -> bool:
        """Whether the server has ended the connection; waits for it."""
        return self._file.read(1) == b""

    def close(self) -> None:
        self._file.close()  # it keeps the connection open
        self._connection.close()


@contextmanager
def raw_socket(port: int) -> Iterator[RawSocket]:
    with closing(RawSocket(socket.create_connection(("127.0.0.1", port), timeout=60))) as connection:
        yield connection
