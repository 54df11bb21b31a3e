"""Clients that ask one proxy without a pause, and know what every answer must be."""

import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from groupnl_studies.harness.service import HOST

CLOSE = 1e-4  # between probabilities of batches of different sizes
_TIMEOUT_S = 60.0


class Seen(NamedTuple):
    """What a client saw of one request.

    Attributes:
        is_lost: there was no answer, or another one than 200.
        is_wrong: it was another one than that of a single server.
        replica: that answered.
        version: of the model.
        what: status, or error.
    """

    is_lost: bool
    is_wrong: bool
    replica: str
    version: str
    what: str


class Load:
    """Clients, each of which waits for its answer before it asks again.

    Args:
        port: of the proxy.
        path: of predictions.
        images: that are asked about, in turn.
        expected: the answers of a single server.

    Attributes:
        seen: everything so far, in order.
    """

    def __init__(self, port: int, path: str, images: Sequence[bytes], expected: Sequence[Mapping[str, float]]) -> None:
        self._port = port
        self._path = path
        self._images = images
        self._expected = expected
        self.seen: list[Seen] = []

    @contextmanager
    def clients(self, count: int) -> Iterator[None]:
        """So many ask while the block runs."""
        over = threading.Event()
        threads = [threading.Thread(target=self._ask, args=(over, offset)) for offset in range(count)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            over.set()
            for thread in threads:
                thread.join()

    def replicas(self, last: int) -> set[str]:
        """Who gave the last answers."""
        return {seen.replica for seen in self.seen[-last:]}

    def versions(self, last: int) -> set[str]:
        """Which versions gave the last answers."""
        return {seen.version for seen in self.seen[-last:]}

    def _ask(self, over: threading.Event, index: int) -> None:
        connection = http.client.HTTPConnection(HOST, self._port, timeout=_TIMEOUT_S)
        while not over.is_set():
            index += 1
            place = index % len(self._images)
            try:
                connection.request("PUT", self._path, self._images[place])
                response = connection.getresponse()
                self.seen.append(_seen(response, response.read(), self._expected[place]))
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                self.seen.append(Seen(True, False, "", "", repr(error)))
                time.sleep(0.05)
        connection.close()


def summary(seen: Sequence[Seen]) -> dict[str, object]:
    """What became of the requests."""
    lost = Counter(each.what for each in seen if each.is_lost)
    return {
        "asked": len(seen),
        "lost": sum(lost.values()),
        "wrong": sum(each.is_wrong for each in seen),
        "replicas": len({each.replica for each in seen if each.replica}),
        "why": dict(lost.most_common(5)),
    }


def _seen(response: http.client.HTTPResponse, body: bytes, expected: Mapping[str, float]) -> Seen:
    replica = response.getheader("X-GroupNL-Replica", "")
    version = response.getheader("X-Model-Version", "")
    if response.status != http.client.OK:
        return Seen(True, False, replica, version, f"{response.status} {body[:200]!r}")
    return Seen(False, not _is_close(json.loads(body), expected), replica, version, "200")


def _is_close(found: Mapping[str, float], expected: Mapping[str, float]) -> bool:
    return found.keys() == expected.keys() and all(abs(found[name] - expected[name]) < CLOSE for name in expected)
