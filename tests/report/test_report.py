"""groupnl report: what was counted, through the endpoint's text, to figures, sentences and the page."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, start_http_server
from support.reported import count_cells, count_outcomes

from groupnl import __version__
from groupnl.cli import main
from groupnl.corruptions.names import CELLS, Cell
from groupnl.metrics import (
    CLEAN,
    LABELLED,
    LABELLED_CORRECT,
    PAIRED_OUTCOMES_TOTAL,
    PROBE_CORRECT,
    PROBE_IMAGES,
    PROBE_SET_IMAGES,
    REQUESTS,
    SHADOW_DROPPED,
    SHADOW_GROUP_KEPT,
    SHADOW_PAIRS,
    SHADOW_REPEATED,
    SHADOW_SAMPLED,
    SHADOW_THINNED,
    STAGE_SECONDS,
    Metrics,
)
from groupnl.report.figures import figures_of, model_names
from groupnl.report.page import page
from groupnl.report.samples import Samples, read_endpoint
from groupnl_studies.harness.ports import free_ports

MODEL, TWIN = "a<b>&c", "twin"


def _count(metrics: Metrics, *, pairs: int, flips: int) -> None:
    metrics.inc(REQUESTS, 900, code="200")
    metrics.inc(REQUESTS, 7, code="415")
    for _ in range(99):
        metrics.observe(STAGE_SECONDS, 0.004, stage="total")
    metrics.observe(STAGE_SECONDS, 0.2, stage="total")
    metrics.inc(SHADOW_SAMPLED, pairs * len(CELLS) + 12)
    metrics.inc(SHADOW_DROPPED, 10, reason="queue_full")
    count_cells(metrics, pairs=pairs, flips=flips)


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    registry = CollectorRegistry()
    ours = Metrics(MODEL, registry)
    _count(ours, pairs=20, flips=5)
    count_outcomes(ours, TWIN)
    (port,) = free_ports(1)
    server, thread = start_http_server(port, "127.0.0.1", registry)
    yield f"http://127.0.0.1:{port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def samples(endpoint: str) -> Samples:
    return read_endpoint(endpoint)


def test_counts_become_shares(samples: Samples) -> None:
    assert model_names(samples) == [MODEL]
    figures = figures_of(samples, MODEL)
    assert (figures.agreement.good, figures.agreement.total) == (15 * 95, 20 * 95)
    assert figures.by_cell[Cell("fog", 3)].value == 0.75
    assert figures.by_corruption["snow"].total == 100
    assert figures.requests["415"] == 7
    assert figures.dropped == {"queue_full": 10}


def test_quantiles_are_interpolated(samples: Samples) -> None:
    latency = figures_of(samples, MODEL).latency_s
    assert latency is not None
    # 99 of 100 lie in the bucket from 2.5 to 5 ms, as Prometheus' histogram_quantile sees them.
    assert latency == pytest.approx((0.0025 + 0.0025 * 50 / 99, 0.0025 + 0.0025 * 95 / 99, 0.005))


def test_the_twin(samples: Samples) -> None:
    twin = figures_of(samples, MODEL).twin
    assert twin is not None
    assert (twin.reference, twin.by_corruption["fog"].pairs, twin.by_corruption["snow"].pairs) == (TWIN, 100, 0)
    assert (twin.overall.test.lead, twin.overall.verdict) == (25, "undecided")
    assert twin.relative_flips is not None
    assert twin.relative_flips.value == pytest.approx(10 / 35)


def test_replayed_images_do_not_narrow_an_interval(samples: Samples) -> None:
    truth = figures_of(samples, MODEL).probe
    assert truth is not None
    assert (truth.clean.value, truth.clean.total) == (0.75, 40)
    low, high = truth.clean.interval
    assert high - low == pytest.approx(0.355, abs=0.01)  # of 20 images, not of 40 answers
    assert truth.corrupted["fog"].value == 0.25
    low, high = truth.corrupted["fog"].interval
    assert high - low == pytest.approx(0.355, abs=0.01)  # of 20 images, not of five answers to each of them


class _Tags(HTMLParser):
    """Opening and closing tags match, and nothing comes from elsewhere."""

    VOID = frozenset({"meta", "wbr"})  # beside those that close themselves

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.words = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag not in ("script", "link", "img", "iframe")
        assert all(name != "src" and (name != "href" or str(value).startswith("#")) for name, value in attrs)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in ("path", "rect", "circle")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += f" {data}"


def _read(content: str) -> str:
    parser = _Tags()
    parser.feed(content)
    assert parser.open == []
    return re.sub(r"\s+", " ", parser.words)


def test_the_page(samples: Samples) -> None:
    words = _read(page([figures_of(samples, MODEL)], "http://here", "since the start", "now"))
    assert f"Counted since the start; read from http://here at now by groupnl {__version__}." in words
    assert "Over 1,900 live images" in words
    assert "stayed the same in 75 %" in words
    assert f"Whether {MODEL} or twin holds better is not decided" in words
    assert "a lead of 25, where" in words
    assert "n = 20" in words
    assert "dropped: queue_full" in words


def test_a_decided_comparison_is_told() -> None:
    registry = CollectorRegistry()
    metrics = Metrics("m", registry)
    _count(metrics, pairs=1, flips=0)
    metrics.inc(PAIRED_OUTCOMES_TOTAL, 10, reference="r", corruption="fog", outcome="model_only")
    metrics.inc(PAIRED_OUTCOMES_TOTAL, 200, reference="r", corruption="fog", outcome="reference_only")
    samples = _samples(registry)
    words = _read(page([figures_of(samples, "m")], "s", "p", "t"))
    assert "r holds better than m on this traffic: it keeps its own answers more often" in words
    assert "Which of the two is more often right, that does not say" in words
    assert "5 points 980 1,800 9,800" in words  # what the test needs
    # The same counts of a window: they would have decided at each of many looks.
    figures = figures_of(samples, "m", since="24h")
    assert figures.twin is not None
    assert (figures.twin.overall.verdict, figures.twin.overall.test.verdict) == ("undecided", "reference")
    of_window = _read(page([figures], "s", "p", "t"))
    assert "a difference of -90.5 points (-95.6 to -83.7). That is the 95 % interval of this look alone" in of_window
    assert "-90.5 points (-95.6 to -83.7) 907" in of_window  # in the table of all models
    for claim in ("holds better than", "any time", "not decided", "What decides"):
        assert claim not in of_window


def test_what_dropped_images_leave_open_is_told() -> None:
    registry = CollectorRegistry()
    metrics = Metrics("m", registry)
    _count(metrics, pairs=10, flips=2)
    metrics.inc(SHADOW_DROPPED, 940, reason="expired")  # beside ten: as many as were answered
    figures = figures_of(_samples(registry), "m")
    assert figures.dropped_share == 0.5
    low, high = figures.agreement.interval
    words = _read(page([figures], "s", "p", "t"))
    assert (round(50 * low), round(50 * high + 50)) == (39, 91)
    assert (
        "Of the chosen images 50 % were dropped. Had they been answered too, whatever they show, between 39 % " in words
    )
    assert "and 91 % would have stayed" in words


def test_flips_inside_a_group_and_images_that_came_again_are_told() -> None:
    registry = CollectorRegistry()
    metrics = Metrics("m", registry)
    _count(metrics, pairs=20, flips=5)
    assert "in its group" not in page([figures_of(_samples(registry), "m")], "s", "p", "t")  # an older service
    for corruption, severity in CELLS:
        metrics.inc(SHADOW_GROUP_KEPT, 18, corruption=corruption, severity=str(severity))
    metrics.inc(SHADOW_REPEATED, 4, kind="similar")
    metrics.inc(SHADOW_THINNED, 6)
    words = _read(page([figures_of(_samples(registry), "m")], "s", "p", "t"))
    assert "In 90 % (89 to 91 %) the best class stayed in its group of classes" in words
    assert "passed over: no time for all of the share 6 passed over: like one seen lately 4 chosen" in words
    assert "passed over: seen lately" not in words


def test_an_image_that_is_labelled_again_counts_again() -> None:
    registry = CollectorRegistry()
    metrics = Metrics("m", registry)
    _count(metrics, pairs=20, flips=5)
    for family in (LABELLED, LABELLED_CORRECT):
        metrics.inc(family, 1000, **CLEAN)
    words = _read(page([figures_of(_samples(registry), "m")], "s", "p", "t"))
    assert "Requests of known class: right without corruption in 100.0 %" in words
    assert "where images come again, it is too narrow" in words


def test_agreement_is_never_praised(samples: Samples) -> None:
    words = _read(page([figures_of(samples, MODEL)], "s", "p", "t"))
    assert "a high share is no good news by itself" in words
    assert "Of 95 intervals about five miss the truth" in words
    assert "as far as live images resemble the probe set" in words
    assert "alone" not in words


def test_a_service_that_has_counted_nothing() -> None:
    registry = CollectorRegistry()
    metrics = Metrics("m", registry)
    metrics.start_at_zero(REQUESTS, code=["200"])
    words = _read(page([figures_of(_samples(registry), "m")], "s", "p", "t"))
    assert "No live image has been answered a second time yet" in words


def test_one_of_a_kind_is_told_in_the_singular() -> None:
    registry = CollectorRegistry()
    metrics = Metrics("m", registry)
    metrics.inc(REQUESTS, 1, code="200")
    metrics.inc(SHADOW_SAMPLED, 2)
    metrics.inc(SHADOW_DROPPED, 1, reason="queue_full")
    cell = {"corruption": "fog", "severity": "1"}
    for family in (SHADOW_PAIRS, PROBE_IMAGES, PROBE_CORRECT):
        metrics.inc(family, 1, **cell)
    metrics.inc(PROBE_IMAGES, 1, **CLEAN)
    metrics.inc(PROBE_CORRECT, 1, **CLEAN)
    metrics.set(PROBE_SET_IMAGES, 1)
    metrics.inc(PAIRED_OUTCOMES_TOTAL, 1, reference="r", corruption="fog", outcome="model_only")
    words = _read(page([figures_of(_samples(registry), "m")], "s", "p", "t"))
    assert "Over 1 live image, answered again under one corruption, the answer stayed" in words
    assert "Probe set of 1 image:" in words
    assert "of 1 answer." in words
    assert "Of 1 image that both answered, only m kept" in words
    assert not re.search(r"\b1 (images|answers|corruptions)\b", words)


def test_a_twin_that_has_answered_nothing_yet() -> None:
    registry = CollectorRegistry()
    metrics = Metrics("m", registry)
    metrics.start_at_zero(REQUESTS, code=["200"])
    metrics.inc(PAIRED_OUTCOMES_TOTAL, 0, reference="r", corruption="fog", outcome="model_only")
    words = _read(page([figures_of(_samples(registry), "m")], "s", "p", "t"))
    assert "No image has yet been answered by both m and r." in words


def _samples(registry: CollectorRegistry) -> Samples:
    (port,) = free_ports(1)
    server, thread = start_http_server(port, "127.0.0.1", registry)
    try:
        return read_endpoint(f"http://127.0.0.1:{port}/metrics")
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_the_command(endpoint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "page.html"
    assert main(["report", "--endpoint", endpoint, "--output", str(file)]) == 0
    assert capsys.readouterr().out.strip() == str(file)
    assert "Over 1,900 live images" in file.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--model", "nobody"], "no metrics of the model 'nobody'"),
    ],
)
def test_options_that_cannot_be_used(
    options: list[str], problem: str, endpoint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", "--endpoint", endpoint, "--output", str(tmp_path / "page.html"), *options]) == 1
    assert problem in capsys.readouterr().err
    assert not (tmp_path / "page.html").exists()
