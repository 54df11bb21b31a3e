"""Whether requests are traced: only where OpenTelemetry's variables say whereto, so that nobody else imports it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from groupnl.base import environment
from groupnl.errors import ConfigError, not_installed
from groupnl.server.observed.account import Account


class Tracer(Protocol):
    """Learns of each request."""

    def begin(self, account: Account) -> None:
        """It has come."""

    def end(self, account: Account) -> None:
        """It has ended."""


@contextmanager
def tracing() -> Iterator[Tracer | None]:
    """What traces requests while the block runs; None where nobody wants traces.

    Raises:
        ConfigError: they are wanted, but OpenTelemetry is not installed.
    """
    if not environment.wants_traces():
        yield None
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        from groupnl.server.observed.spans import Spans
    except ModuleNotFoundError:
        reason = not_installed("opentelemetry-sdk", "otel")
        raise ConfigError(f"{environment.OTLP_ENDPOINT} asks for traces, but {reason}") from None
    spans = Spans(BatchSpanProcessor(OTLPSpanExporter()))
    try:
        yield spans
    finally:
        spans.close()
