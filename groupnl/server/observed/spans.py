"""OpenTelemetry's spans of each request, made when it has ended; this module alone needs its packages.

Whatever OpenTelemetry's own variables say (`OTEL_EXPORTER_OTLP_ENDPOINT`, `OTEL_SERVICE_NAME`, ...) holds.
"""

import secrets
import threading
import time
from collections.abc import Iterator

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace import NonRecordingSpan, Span, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from groupnl.server.observed.account import LONGEST, Account
from groupnl.server.observed.trace import SAMPLED, Trace

SERVICE = "groupnl"
WORKER = "worker"  # the way there and back included
FLUSH_S = 2.0  # at the end, for what has not been sent
Stage = tuple[str, float | None, float | None]


class Spans:
    """Makes a span of each request, and spans of its stages below it.

    These are receive, queue, worker and respond; below the worker's lie decode and infer.

    Args:
        processor: gets the spans.
    """

    def __init__(self, processor: SpanProcessor) -> None:
        self._ids = _Ids()
        resource = Resource({"service.name": SERVICE}).merge(OTELResourceDetector().detect())
        self._provider = TracerProvider(resource=resource, id_generator=self._ids, shutdown_on_exit=False)
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer(__name__)

    def begin(self, account: Account) -> None:
        """A trace that begins here is recorded; its client learns that."""
        if not account.trace.is_taken:
            account.trace = account.trace._replace(flags=SAMPLED)

    def end(self, account: Account) -> None:
        """The spans of a request that has ended."""
        since = time.time_ns() - time.perf_counter_ns()  # from one clock to the other
        request = self._tracer.start_span(
            f"{account.method} {account.protocol}",
            self._place(account.trace),
            SpanKind.SERVER,
            _attributes(account),
            start_time=since + _ns(account.began),
        )
        below = trace.set_span_in_context(request, Context())
        for name, begin, end in _stages(account):
            if begin is not None and end is not None:
                span = self._tracer.start_span(name, below, start_time=since + _ns(begin))
                if name == WORKER:
                    self._inside(span, account, since)
                span.end(since + _ns(end))
        if not account.status or account.status >= 500:
            request.set_status(Status(StatusCode.ERROR, account.code or None))
        request.end(since + _ns(account.ended))

    def close(self) -> None:
        """Send what is left, but do not wait long for who does not take it."""
        last = threading.Thread(target=self._provider.shutdown, daemon=True)
        last.start()
        last.join(FLUSH_S)

    def _inside(self, worker: Span, account: Account, since: int) -> None:
        """What happened in the worker, to each batch that had images of the request."""
        below = trace.set_span_in_context(worker, Context())
        for batch in account.batches:
            for name, begin, end in zip(("decode", "infer"), batch[:-1], batch[1:], strict=True):
                self._tracer.start_span(name, below, start_time=since + _ns(begin)).end(since + _ns(end))

    def _place(self, place: Trace) -> Context:
        """Below who asked; or at the top of a trace, with the numbers that the answer tells."""
        if not place.is_taken:
            self._ids.next = place
            return Context()
        flags = TraceFlags(int(place.flags, 16))
        asking = SpanContext(int(place.trace_id, 16), int(place.span_id, 16), is_remote=True, trace_flags=flags)
        return trace.set_span_in_context(NonRecordingSpan(asking), Context())


class _Ids(IdGenerator):
    """Numbers of spans: for the next one that begins a trace those that were told, for others random ones.

    Attributes:
        next: where that span is.
    """

    next: Trace | None = None

    def generate_trace_id(self) -> int:
        return int(self.next.trace_id if self.next is not None else secrets.token_hex(16), 16)

    def generate_span_id(self) -> int:
        told, self.next = self.next, None
        return int(told.span_id if told is not None else secrets.token_hex(8), 16)


def _stages(account: Account) -> Iterator[Stage]:
    yield "receive", account.began, account.read
    yield "queue", account.queued, account.taken
    yield WORKER, account.taken, account.computed
    yield "respond", account.computed, account.ended


def _attributes(account: Account) -> dict[str, str | int]:
    return {
        "http.request.method": account.method,
        "url.path": account.path[:LONGEST],
        "http.response.status_code": account.status,
        "http.request.body.size": account.bytes_in,
        "http.response.body.size": account.bytes_out,
        "client.address": account.client,
        "groupnl.request_id": account.request_id,
        "groupnl.protocol": account.protocol,
        "groupnl.model": account.model,
        "groupnl.version": account.version,
        "groupnl.images": len(account.tickets),
    }


def _ns(seconds: float) -> int:
    return int(seconds * 1e9)
