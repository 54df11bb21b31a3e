"""Clients of a service that ask while something happens to it: every answer is counted, and looked at."""

import collections
import http.client
import json
import threading
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Any

import pytest
from support.waiting import until

LIMIT_S = 60  # for an answer
WRONG = "another picture's answer"
REFUSED = "refused"  # nobody listens


def is_same(one: Any, other: Any) -> bool:
    """Two answers: the last digits depend on what else is in the batch."""
    return bool(one == pytest.approx(other, abs=1e-5))


class Load:
    """Clients that ask until the end of the block, each on a connection that stays open.

    Args:
        port: that is asked.
        right: picture -> the content of its answer.
        clients: how many.
        model: that is asked.
        is_same: whether an answer is the right one.

    Attributes:
        seen: status, or what happened in place of an answer -> how often.
    """

    def __init__(
        self,
        port: int,
        right: Mapping[bytes, Any],
        clients: int,
        model: str = "tiny",
        is_same: Callable[[Any, Any], bool] = is_same,
    ) -> None:
        self.seen: collections.Counter[object] = collections.Counter()
        self._port = port
        self._right = right
        self._photos = list(right)
        self._path = f"/predictions/{model}"
        self._is_same = is_same
        self._over = threading.Event()
        self._counting = threading.Lock()
        self._threads = [threading.Thread(target=self._client, args=(number,)) for number in range(clients)]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        self.wait_for_more()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def wait_for_more(self) -> None:
        """Until there are as many further answers as there are clients."""
        before = self.seen.total()
        until(lambda: self.seen.total() >= before + len(self._threads))

    def _client(self, number: int) -> None:
        with closing(http.client.HTTPConnection("127.0.0.1", self._port, timeout=LIMIT_S)) as connection:
            while not self._over.is_set():
                number += 1
                outcome = self._ask(connection, self._photos[number % len(self._photos)])
                with self._counting:
                    self.seen[outcome] += 1
                if outcome == REFUSED:
                    return

    def _ask(self, connection: http.client.HTTPConnection, photo: bytes) -> object:
        try:
            if connection.sock is None:
                connection.connect()
        except ConnectionRefusedError:
            return REFUSED
        except OSError as error:
            return f"no connection: {error!r}"
        try:
            connection.request("PUT", self._path, photo)
            response = connection.getresponse()
            body = response.read()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            return f"lost: {error!r}"
        if response.status != http.HTTPStatus.OK:
            return response.status
        return 200 if self._is_same(json.loads(body), self._right[photo]) else WRONG
