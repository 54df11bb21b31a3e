"""What is known of one request, from its first byte to its whole answer: for the log, the counts and the trace."""

import re
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from groupnl.metrics import OTHER
from groupnl.server.observed import trace
from groupnl.server.observed.trace import Trace
from groupnl.server.pool.ticket import Ticket

ID_HEADER = "x-request-id"
GONE = 499  # the status of a request whose client has gone, in the log; nothing is sent
LONGEST = 200  # signs of what a client has written that are kept
_SANE_ID = re.compile(r"[!-~]{1,128}")  # printable, no blanks


def request_id_of(given: str) -> str:
    """What a request is called: as its client calls it, where that is sound; else a name of its own."""
    return given if _SANE_ID.fullmatch(given) else secrets.token_hex(16)


@dataclass
class Account:
    """One request. Times are of `time.perf_counter`; what has not happened is None.

    Attributes:
        method: of HTTP.
        path: decoded, without the query; as the client sent it.
        client: the address of who asks, as far as it is known.
        request_id: what client and operator call the request.
        trace: that it belongs to.
        began: when its first byte came.
        protocol: how it asks; one of `groupnl.metrics.PROTOCOLS`.
        model: name of the model that answers; empty while none is known.
        version: of that model.
        read: when its body was whole.
        tickets: the images that wait for answers.
        bytes_in: of its body.
        bytes_out: of the answer's body.
        status: of the answer; 0: none was sent.
        code: of an error.
        key: name of the key that it showed; empty: none was asked for.
        is_health: whether it asks how the service is, as balancers do again and again.
        ended: when the answer was sent, or given up.
        release: called then; lets the version go that answers.
    """

    method: str
    path: str
    client: str
    request_id: str
    trace: Trace
    began: float
    protocol: str = OTHER
    model: str = ""
    version: str = ""
    read: float | None = None
    tickets: Sequence[Ticket] = ()
    bytes_in: int = 0
    bytes_out: int = 0
    status: int = 0
    code: str = ""
    key: str = ""
    is_health: bool = False
    ended: float = 0.0
    release: Callable[[], None] | None = None

    @property
    def headers(self) -> dict[str, str]:
        """What the answer says of it."""
        return {ID_HEADER: self.request_id, trace.HEADER: self.trace.text}

    @property
    def seconds(self) -> float:
        """From the first byte to the whole answer."""
        return self.ended - self.began

    @property
    def queued(self) -> float | None:
        """When its images began to wait for a worker."""
        return min((ticket.submitted for ticket in self.tickets), default=None)

    @property
    def taken(self) -> float | None:
        """When a worker got the first of them."""
        return min((ticket.taken for ticket in self.tickets if ticket.taken), default=None)

    @property
    def computed(self) -> float | None:
        """When the last of them was answered; None while one is not."""
        answered = [ticket.answered for ticket in self.tickets]
        return max(answered) if answered and all(answered) else None

    @classmethod
    def open(cls, method: str, path: str, client: str, headers: Mapping[str, str], began: float) -> Self:
        """The account of a request whose headers are known.

        Args:
            method: of HTTP.
            path: decoded.
            client: the address of who asks.
            headers: lower-case name -> value.
            began: when its first byte came.
        """
        request_id = request_id_of(headers.get(ID_HEADER, ""))
        return cls(method, path, client, request_id, Trace.of(headers.get(trace.HEADER)), began)

    @property
    def batches(self) -> set[tuple[float, ...]]:
        """The stages of the batches that its images were in; see `Ticket.stages`."""
        return {ticket.stages for ticket in self.tickets if ticket.stages}

    def end(self) -> None:
        """The answer has been sent, or nobody waits for one."""
        self.ended = time.perf_counter()
        if self.release is not None:
            self.release()
