"""Images that end whoever computes their answer: known by their hash for a while, and not tried again."""

import hashlib
import time

KEPT_S = 600.0
MOST = 1000


class Quarantine:
    """The hashes of such images; the oldest is forgotten when there are too many.

    Args:
        kept_s: how long one is remembered.
    """

    def __init__(self, kept_s: float = KEPT_S) -> None:
        self._kept_s = kept_s
        self._until: dict[bytes, float] = {}

    def __contains__(self, image: bytes) -> bool:
        if not self._until:  # almost always: nothing is hashed then
            return False
        until = self._until.get(_digest(image))
        return until is not None and time.monotonic() < until

    def add(self, image: bytes) -> None:
        """Remember this one."""
        self._until.pop(_digest(image), None)
        if len(self._until) >= MOST:
            del self._until[next(iter(self._until))]
        self._until[_digest(image)] = time.monotonic() + self._kept_s


def _digest(image: bytes) -> bytes:
    return hashlib.sha256(image).digest()
