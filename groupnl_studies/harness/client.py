"""HTTP/1.1 over one connection that stays open: as little work per request as Python allows."""

import asyncio
import http.client
import json
from collections.abc import Sequence
from contextlib import closing, suppress
from typing import NamedTuple

from groupnl.errors import ServerError
from groupnl_studies.harness.ports import HOST

_LENGTH = b"content-length:"


class Request(NamedTuple):
    """One request.

    Attributes:
        path: of the URL.
        body: its content.
        headers: further ones, name and value.
        method: PUT, as our service and TorchServe take files, or another.
    """

    path: str
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()
    method: str = "PUT"

    def encode(self) -> bytes:
        """As it goes over the wire."""
        given = (("Host", HOST), ("Content-Length", str(len(self.body))), *self.headers)
        lines = [f"{self.method} {self.path} HTTP/1.1", *(f"{name}: {value}" for name, value in given)]
        return "\r\n".join([*lines, "", ""]).encode() + self.body


class Connection:
    """A connection to a port of this machine; opened when it is first used, and again when it broke."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, request: bytes) -> int:
        """Send an encoded request, read the whole answer; returns its status.

        Raises:
            OSError: nobody answers.
            EOFError: the connection broke.
        """
        if self._streams is None:
            self._streams = await asyncio.open_connection(HOST, self._port)
        reader, writer = self._streams
        try:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(_length(head))
        except (OSError, EOFError):
            await self.close()
            raise
        return int(head[9:12])  # HTTP/1.1 200 OK

    async def close(self) -> None:
        """Close it; it may be used again."""
        if self._streams is not None:
            _, writer = self._streams
            self._streams = None
            writer.close()
            with suppress(OSError):  # it broke already
                await writer.wait_closed()


def answers(port: int, requests: Sequence[Request]) -> list[dict[str, float]]:
    """The classes and probabilities that a service of this machine answers to each request, asked one after the other.

    Raises:
        ServerError: an answer other than classes.
    """
    with closing(http.client.HTTPConnection(HOST, port)) as connection:
        return [_answer(connection, request) for request in requests]


def first_classes(port: int, requests: Sequence[Request]) -> list[str]:
    """The most probable class of each answer; raises as `answers` does."""
    return [max(answer, key=lambda name: answer[name]) for answer in answers(port, requests)]


def _answer(connection: http.client.HTTPConnection, request: Request) -> dict[str, float]:
    connection.request(request.method, request.path, request.body, dict(request.headers))
    response = connection.getresponse()
    text = response.read().decode(errors="replace")
    if response.status != http.HTTPStatus.OK:
        raise ServerError(f"{request.path} answered {response.status}: {text}")
    probabilities: dict[str, float] = json.loads(text)
    return probabilities


def _length(head: bytes) -> int:
    lines = head.lower().split(b"\r\n")
    return next((int(line.removeprefix(_LENGTH)) for line in lines if line.startswith(_LENGTH)), 0)
