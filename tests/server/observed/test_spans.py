"""groupnl.server.observed.spans: OpenTelemetry's spans of a request, their times, parents and numbers."""

import subprocess
import sys
import time

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from support.accounts import answered

from groupnl.errors import ConfigError
from groupnl.server.observed.spans import Spans
from groupnl.server.observed.tracing import tracing

TRACE_ID, SPAN_ID = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def spans(exporter: InMemorySpanExporter) -> Spans:
    return Spans(SimpleSpanProcessor(exporter))


def _by_name(exporter: InMemorySpanExporter) -> dict[str, ReadableSpan]:
    return {span.name: span for span in exporter.get_finished_spans()}


def _seconds(span: ReadableSpan) -> float:
    assert span.start_time is not None
    assert span.end_time is not None
    return (span.end_time - span.start_time) / 1e9


def test_stages_lie_below_the_request_whose_caller_is_its_parent(spans: Spans, exporter: InMemorySpanExporter) -> None:
    account = answered(200, headers={"traceparent": f"00-{TRACE_ID}-{SPAN_ID}-01"})
    spans.begin(account)
    spans.end(account)
    found = _by_name(exporter)
    assert set(found) == {"PUT raw", "receive", "queue", "worker", "decode", "infer", "respond"}
    request = found.pop("PUT raw")
    assert request.kind is SpanKind.SERVER
    assert request.parent is not None
    assert f"{request.parent.span_id:016x}" == SPAN_ID
    assert _seconds(request) == pytest.approx(2.0)
    assert request.attributes is not None
    assert request.attributes["http.response.status_code"] == 200
    assert request.attributes["groupnl.request_id"] == account.request_id
    assert request.resource.attributes["service.name"] == "groupnl"
    for span in found.values():
        assert span.parent is not None
        assert span.context is not None
        above = found["worker"] if span.name in ("decode", "infer") else request
        assert above.context is not None
        assert span.parent.span_id == above.context.span_id
        assert f"{span.context.trace_id:032x}" == TRACE_ID
    seconds = {name: round(_seconds(span), 6) for name, span in found.items()}
    stages = {"receive": 0.5, "queue": 0.25, "worker": 1.0, "respond": 0.25}
    assert seconds == stages | {"decode": 0.125, "infer": 0.5}
    assert account.headers["traceparent"] == f"00-{TRACE_ID}-{SPAN_ID}-01"


def test_a_trace_that_begins_here_has_the_numbers_that_the_answer_tells(
    spans: Spans, exporter: InMemorySpanExporter
) -> None:
    accounts = [answered(200), answered(200)]
    for account in accounts:
        spans.begin(account)
        spans.end(account)
    requests = [span for span in exporter.get_finished_spans() if span.name == "PUT raw"]
    for account, span in zip(accounts, requests, strict=True):
        assert span.parent is None
        assert span.context is not None
        assert account.headers["traceparent"] == f"00-{span.context.trace_id:032x}-{span.context.span_id:016x}-01"


def test_who_does_not_want_to_be_recorded_is_not(spans: Spans, exporter: InMemorySpanExporter) -> None:
    account = answered(200, headers={"traceparent": f"00-{TRACE_ID}-{SPAN_ID}-00"})
    spans.begin(account)
    spans.end(account)
    assert exporter.get_finished_spans() == ()


@pytest.mark.parametrize(("status", "is_fault"), [(200, False), (415, False), (503, True), (0, True)])
def test_what_is_a_fault(spans: Spans, exporter: InMemorySpanExporter, status: int, is_fault: bool) -> None:
    account = answered(status, "some_code")
    spans.begin(account)
    spans.end(account)
    assert (_by_name(exporter)["PUT raw"].status.status_code is StatusCode.ERROR) is is_fault


def test_times_are_those_of_the_wall_clock(spans: Spans, exporter: InMemorySpanExporter) -> None:
    account = answered(200)
    account.began, account.ended = time.perf_counter() - 1, time.perf_counter()
    spans.end(account)
    start = _by_name(exporter)["PUT raw"].start_time
    assert start is not None
    assert start / 1e9 == pytest.approx(time.time() - 1, abs=0.5)


def test_nobody_is_traced_unless_the_environment_says_whereto(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT", raising=False)
    with tracing() as tracer:
        assert tracer is None
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    with tracing() as tracer:
        assert isinstance(tracer, Spans)


def test_where_it_is_wanted_but_missing_a_start_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace.export", None)
    with pytest.raises(ConfigError, match=r"OTEL_EXPORTER_OTLP_ENDPOINT asks for traces, .*\[otel\]"), tracing():
        pass


def test_without_it_nothing_is_imported() -> None:
    told = "import sys, groupnl.server.front; print([name for name in sys.modules if 'opentelemetry' in name])"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
