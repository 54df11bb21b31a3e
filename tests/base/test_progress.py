"""groupnl.base.progress: a bar on a terminal, a line now and then elsewhere."""

import io
import re
import time
from collections.abc import Callable

import pytest

from groupnl.base import progress as progress_module
from groupnl.base.progress import progress


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], io.StringIO]:
    """Makes stderr a terminal, or a file."""

    def stderr(terminal: bool) -> io.StringIO:
        out = io.StringIO()
        out.isatty = lambda: terminal  # type: ignore[method-assign]
        monkeypatch.setattr("sys.stderr", out)
        return out

    return stderr


def test_a_log_gets_a_line_now_and_then(told: Callable[[bool], io.StringIO], monkeypatch: pytest.MonkeyPatch) -> None:
    out = told(False)
    monkeypatch.setattr(progress_module, "LINES_S", 0.2)
    started = time.monotonic()
    for _ in progress(range(100), title="icons", unit="images"):
        time.sleep(0.01)
    lines = out.getvalue().splitlines()
    assert 2 <= len(lines) <= (time.monotonic() - started) / 0.2
    assert "\r" not in out.getvalue()
    for line in lines:
        assert re.fullmatch(r"icons: +\d+%\| \d+ of 100 images, \d\d:\d\d passed, \d\d:\d\d left", line)


def test_short_work_tells_a_log_nothing(told: Callable[[bool], io.StringIO]) -> None:
    out = told(False)
    with progress(total=3, unit="cells") as bar:
        for _ in range(3):
            bar.set_description("x")
            bar.update()
    assert list(progress([1, 2], unit="cells", silent=True)) == [1, 2]
    assert out.getvalue() == ""


def test_a_terminal_gets_a_bar(told: Callable[[bool], io.StringIO]) -> None:
    out = told(True)
    assert list(progress([1, 2], title="icons", unit="images")) == [1, 2]
    assert out.getvalue().startswith("\ricons:   0%|")
    assert "100%" in out.getvalue()
