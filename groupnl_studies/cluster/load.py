"""Clients that ask a proxy, and know what every answer must be."""

import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from groupnl_studies.harness.ports import HOST

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
        path: of predictions.
        images: that are asked about, in turn.
        expected: the answers of a single server.
        pause_s: of each client after an answer.

    Attributes:
        images: that are asked about.
        seen: everything so far, in order.
    """

    def __init__(
        self, path: str, images: Sequence[bytes], expected: Sequence[Mapping[str, float]], pause_s: float
    ) -> None:
        self._path = path
        self.images = images
        self._expected = expected
        self._pause_s = pause_s
        self.seen: list[Seen] = []

    @contextmanager
    def clients(self, count: int, port: int) -> Iterator[None]:
        """So many ask a proxy while the block runs."""
        over = threading.Event()
        threads = [threading.Thread(target=self._ask, args=(over, offset, port)) for offset in range(count)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            over.set()
            for thread in threads:
                thread.join()

    def ask_once(self, port: int) -> None:
        """Ask a proxy about every image, one after the other."""
        connection = _connection(port)
        for place in range(len(self.images)):
            self._ask_about(connection, place)
        connection.close()

    def classes(self) -> list[str]:
        """The best class of each image."""
        return [max(answer, key=answer.__getitem__) for answer in self._expected]

    def replicas(self, last: int) -> set[str]:
        """Who gave the last answers."""
        return {seen.replica for seen in self.seen[-last:]}

    def versions(self, last: int) -> set[str]:
        """Which versions gave the last answers."""
        return {seen.version for seen in self.seen[-last:]}

    def _ask(self, over: threading.Event, index: int, port: int) -> None:
        connection = _connection(port)
        while not over.wait(self._pause_s):
            index += 1
            self._ask_about(connection, index % len(self.images))
        connection.close()

    def _ask_about(self, connection: http.client.HTTPConnection, place: int) -> None:
        try:
            connection.request("PUT", self._path, self.images[place])
            response = connection.getresponse()
            self.seen.append(_seen(response, response.read(), self._expected[place]))
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            self.seen.append(Seen(True, False, "", "", repr(error)))
            time.sleep(0.05)


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


def _connection(port: int) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(HOST, port, timeout=_TIMEOUT_S)


def _seen(response: http.client.HTTPResponse, body: bytes, expected: Mapping[str, float]) -> Seen:
    replica = response.getheader("X-GroupNL-Replica", "")
    version = response.getheader("X-Model-Version", "")
    if response.status != http.client.OK:
        return Seen(True, False, replica, version, f"{response.status} {body[:200]!r}")
    return Seen(False, not _is_close(json.loads(body), expected), replica, version, "200")


def _is_close(found: Mapping[str, float], expected: Mapping[str, float]) -> bool:
    return found.keys() == expected.keys() and all(abs(found[name] - expected[name]) < CLOSE for name in expected)
