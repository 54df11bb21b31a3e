"""groupnl_studies.scale: the replicas that are played, the line through what was measured, and a real Prometheus."""

import http.server
import threading
from pathlib import Path

import pytest
from support.prometheus import tools

from groupnl.cli import main
from groupnl.errors import ConfigError
from groupnl_studies.scale.exporter import Page
from groupnl_studies.scale.page import in_detail
from groupnl_studies.scale.run import Line

TEXT = """# HELP groupnl_requests_total Requests.
# TYPE groupnl_requests_total counter
groupnl_requests_total{code="200",model="a b"} 600.0
# TYPE groupnl_stage_seconds histogram
groupnl_stage_seconds_bucket{le="+Inf"} 3.0
groupnl_stage_seconds_sum 0.5
# TYPE groupnl_build_info gauge
groupnl_build_info{version="1"} 1.0
"""


def test_counters_grow_and_gauges_do_not() -> None:
    page = Page(TEXT)
    assert page.series == 4
    assert page.later(0.0).decode() == TEXT
    assert page.later(300.0).decode().splitlines() == [
        "# HELP groupnl_requests_total Requests.",
        "# TYPE groupnl_requests_total counter",
        'groupnl_requests_total{code="200",model="a b"} 900.0',
        "# TYPE groupnl_stage_seconds histogram",
        'groupnl_stage_seconds_bucket{le="+Inf"} 4.0',
        "groupnl_stage_seconds_sum 0.75",
        "# TYPE groupnl_build_info gauge",
        'groupnl_build_info{version="1"} 1.0',
    ]


def test_a_page_is_shown_in_less_detail() -> None:
    cells = "".join(
        f'groupnl_shadow_pairs_total{{corruption="fog",model="m",severity="{severity}"}} 2.0\n' for severity in range(5)
    )
    page = (
        f"{TEXT}# HELP groupnl_shadow_pairs_total Pairs.\n# TYPE groupnl_shadow_pairs_total counter\n{cells}".encode()
    )
    assert in_detail(page, "cells") == page
    less = in_detail(page, "corruptions")
    assert b'groupnl_shadow_pairs_total{corruption="fog",model="m"} 10.0' in less
    assert b"severity" not in less
    assert b"groupnl_shadow_pairs_total{" not in in_detail(page, "answers")
    assert Page(in_detail(page, "answers").decode()).series == Page(TEXT).series + 1
    with pytest.raises(ConfigError, match="start it without --metrics-detail"):
        in_detail(less, "answers")


def test_the_line_goes_through_what_was_measured() -> None:
    line = Line.through([10, 20, 40], [150.0, 250.0, 450.0])
    assert line == pytest.approx((50.0, 10.0))
    assert line.at(1000) == pytest.approx(10050.0)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--replicas", "5", "5"], "--replicas 5: two different numbers are needed for a slope"),
        (["--prometheus", "nowhere"], "prometheus is nowhere: install it, or name it with --prometheus FILE"),
        (["--prometheus", __file__, "--rules", "nowhere"], "--rules nowhere is no folder"),
        (["--prometheus", __file__, "--metrics", "http://127.0.0.1:1/metrics"], "shows no metrics"),
    ],
)
def test_what_cannot_be_measured_is_said_at_once(
    words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["study", "scale", *words]) != 0
    assert told in capsys.readouterr().err


@pytest.mark.service
def test_a_real_prometheus_is_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(TEXT.encode())

        def log_message(self, *_: object) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as service:
        threading.Thread(target=service.serve_forever, daemon=True).start()
        figures = tmp_path / "scale.json"
        words = ["--prometheus", str(tools() / "prometheus"), "--metrics", f"http://127.0.0.1:{service.server_port}/"]
        # It looks for its targets five seconds after its start.
        words += ["--interval", "0.5", "--seconds", "6.5", "--json", str(figures), "--told", "1000"]
        words += ["--metrics-detail", "cells"]
        assert main(["study", "scale", "--replicas", "2", "6", *words]) == 0
        service.shutdown()
    printed = capsys.readouterr().out
    assert "a scrape of one replica: 4 series" in printed
    # Four of a page, and five that Prometheus adds to each target: up, and how the scrape went.
    assert "each replica: 9 series" in printed
    assert "| 1000, by the slope | 9" in printed
    assert '"samples": 24' in figures.read_text()
