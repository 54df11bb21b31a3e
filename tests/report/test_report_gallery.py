"""groupnl report --examples: flips with their pictures inside the page, as many as it is to hold, and escaped."""

import base64
import io
import re
import stat
import time
from pathlib import Path

import pytest
from PIL import Image
from prometheus_client import CollectorRegistry
from support.reported import count_cells, samples_of

from groupnl.cli import main
from groupnl.metrics import REQUESTS, Metrics
from groupnl.report import command, gallery
from groupnl.report.figures import figures_of
from groupnl.report.page import page
from groupnl.report.samples import Samples
from groupnl.robustness.examples import Example, ExampleRecord, KeptExamples, Said

CLEAN, NOISY = "#336699", "#993366"


def _picture(colour: str) -> bytes:
    Image.new("RGB", (8, 8), colour).save(file := io.BytesIO(), "PNG")
    return file.getvalue()


def _example(model: str, best: str = "cat", answered: float = 1.7e9, corrupted: str | None = "dog") -> Example:
    record = ExampleRecord(
        model=model,
        answered=answered,
        corruption="motion_blur",
        severity=3,
        original=Said(best=best, confidence=0.92),
        corrupted=Said(best=corrupted, confidence=0.55 if corrupted else 0.0),
    )
    return Example(record, _picture(CLEAN), _picture(NOISY))


def _samples() -> Samples:
    metrics = Metrics("m", registry := CollectorRegistry())
    metrics.inc(REQUESTS, 5, code="200")
    count_cells(metrics)
    return samples_of(registry)


def _page(*examples: Example) -> str:
    return page([figures_of(_samples(), "m")], "s", "p", "t", examples)


def _pictures(content: str) -> list[bytes]:
    return [base64.b64decode(found) for found in re.findall(r'src="data:image/png;base64,([\w+/=]+)"', content)]


def test_a_flip_is_shown_with_both_pictures_and_both_answers() -> None:
    content = _page(_example("m"), _example("another"))
    assert _pictures(content) == [_picture(CLEAN), _picture(NOISY)]
    assert content.count("<img") == 2
    assert 'alt="The image under motion_blur, severity 3"' in content
    words = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", content.replace("<wbr>", "")))
    assert "cat 92 % as sent dog 55 % motion_blur, severity 3 2023-11-14 22:13 UTC" in words
    assert "whoever gets this page gets them, too" in words


def test_names_are_escaped_and_no_answer_is_told() -> None:
    content = _page(_example("m", best="<script>", corrupted=None))
    assert "<script>" not in content
    assert "&lt;script&gt;" in content
    assert "<b>no answer</b>" in content


def test_a_page_without_pictures_has_no_gallery() -> None:
    assert "<img" not in _page()
    assert "Answers that changed" not in _page(_example("another"))


def test_a_page_holds_so_many_pictures_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    many = [_example("m")] * (gallery.SHOWN + 1)
    content = _page(*many)
    assert len(_pictures(content)) == 2 * gallery.SHOWN
    assert f"Shown are {gallery.SHOWN} of {gallery.SHOWN + 1}." in content
    size = len(_picture(CLEAN)) + len(_picture(NOISY))
    monkeypatch.setattr(gallery, "MOST_BYTES", 3 * size + 1)
    assert len(_pictures(_page(*many))) == 2 * 3


def test_the_command_reads_the_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "read_endpoint", lambda *_: _samples())
    kept, now = tmp_path / "kept", time.time()
    kept.mkdir()
    for age, best in ((60, "older"), (30, "newer")):
        KeptExamples(kept / "m", 5).keep(_example("m", best=best, answered=now - age))
    file = tmp_path / "page.html"
    words = ["report", "--endpoint", "http://127.0.0.1:9", "--output", str(file), "--examples"]
    assert main([*words, str(kept)]) == 0
    content = file.read_text(encoding="utf-8")
    assert content.index("newer") < content.index("older")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert main([*words, str(tmp_path / "none")]) == 1
    assert "the examples in" in capsys.readouterr().err
