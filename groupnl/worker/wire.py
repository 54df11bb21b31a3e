"""What a server and its worker processes say to each other over a socket.

A message is a list of parts. On the wire: the head's length (4 bytes, big-endian), the head (JSON: for each part its
facts and the length of its content), and then the contents, one after the other, as they are.
"""

import asyncio
import json
import struct
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

_LENGTH = struct.Struct("!I")


class Part(NamedTuple):
    """One item of a batch, or one answer.

    Attributes:
        facts: what JSON can hold: an item's headers, an answer's status.
        content: an image's bytes, an answer's body.
    """

    facts: dict[str, Any]
    content: bytes = b""


def encode(parts: Sequence[Part]) -> list[bytes]:
    """The pieces of a message, to be written one after the other; contents are not copied."""
    head = json.dumps([[part.facts, len(part.content)] for part in parts]).encode()
    return [_LENGTH.pack(len(head)), head, *(part.content for part in parts)]


async def receive(reader: asyncio.StreamReader) -> list[Part]:
    """The next message.

    Raises:
        asyncio.IncompleteReadError: the other side has ended.
    """
    (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
    head = json.loads(await reader.readexactly(length))
    return [Part(facts, await reader.readexactly(size)) for facts, size in head]


def read(take: Callable[[int], bytes]) -> list[Part]:
    """The next message, waited for.

    Args:
        take: waits for so many bytes; gives fewer where the other side has ended.

    Raises:
        EOFError: the other side has ended.
    """
    (length,) = _LENGTH.unpack(_exactly(take, _LENGTH.size))
    head = json.loads(_exactly(take, length))
    return [Part(facts, _exactly(take, size)) for facts, size in head]


def _exactly(take: Callable[[int], bytes], size: int) -> bytes:
    content = take(size)
    if len(content) < size:
        raise EOFError
    return content
