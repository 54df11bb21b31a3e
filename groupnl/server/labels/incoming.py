"""The body of a request that a thread reads: bounded in bytes and time."""

import time
from contextlib import suppress
from typing import Any

from groupnl.errors import BodyTooLargeError, LengthRequiredError, RefusedError, SlowRequestError

MOST_BYTES = 1024 * 1024
MOST_S = 10.0  # in which a body must be here
_MOST_DISCARDED = 16 * MOST_BYTES
_DISCARD_S = 2.0
_PIECE = 64 * 1024


class Incoming:
    """The body of one request.

    Args:
        request: WSGI's; its socket has a time limit, so that whoever sends nothing holds no thread.
    """

    def __init__(self, request: dict[str, Any]) -> None:
        self._stream = request["wsgi.input"]
        text = request.get("CONTENT_LENGTH", "")
        self._has_length = text.isascii() and text.isdigit() and "HTTP_TRANSFER_ENCODING" not in request
        self._left = int(text[:19]) if self._has_length else 0  # bytes that have not been read

    def body(self) -> bytes:
        """All of it.

        Raises:
            LengthRequiredError: it does not say how long it is.
            BodyTooLargeError: it is too long; nothing of it was read.
            SlowRequestError: it does not come in time.
            RefusedError: it will never be whole.
        """
        if not self._has_length:
            raise LengthRequiredError("The request tells no Content-Length: send the labels as a whole.")
        if self._left > MOST_BYTES:
            raise BodyTooLargeError(f"The request has more than {MOST_BYTES // 1024**2} MiB, which is the limit.")
        return self._read(self._left, MOST_S)

    def discard(self) -> None:
        """Read what a client still sends, so that it reads why it is refused; not for ever."""
        with suppress(RefusedError):
            self._read(min(self._left, _MOST_DISCARDED), _DISCARD_S)

    def _read(self, size: int, seconds: float) -> bytes:
        end = time.monotonic() + seconds
        pieces = []
        while size:
            piece = self._piece(min(size, _PIECE), end)
            pieces.append(piece)
            size -= len(piece)
            self._left -= len(piece)
        return b"".join(pieces)

    def _piece(self, most: int, end: float) -> bytes:
        try:
            piece: bytes = self._stream.read1(most)
        except TimeoutError:
            raise _slow() from None
        except OSError:
            piece = b""
        if not piece:
            raise RefusedError("The body ended before its length.")
        if time.monotonic() > end:
            raise _slow()
        return piece


def _slow() -> SlowRequestError:
    return SlowRequestError(f"The labels were not here within {MOST_S:g} s.")
