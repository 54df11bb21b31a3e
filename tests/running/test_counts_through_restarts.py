"""Counts go on where the last start ended, in order or killed; those of another archive begin anew."""

import os
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from PIL import Image
from support.pictures import encode, scene
from support.server import Server
from support.tiny import CLASSES, tiny_checkpoint

from groupnl.archive.model_config import ServingSettings
from groupnl.archive.pack import pack
from groupnl.metrics import FAMILIES

Start = Callable[..., Server]
Counts = dict[tuple[str, frozenset[tuple[str, str]]], float]
SHADOW = {"corruptions": ["contrast"], "severities": [3], "share": 1.0, "time_share": 1.0}
COUNTED = re.compile("|".join(family.name for family in FAMILIES if family.kind in ("counter", "histogram")))
PHOTOS = 5
LIMIT_S = 60


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two versions of a model whose every answer is repeated."""
    folder = tmp_path_factory.mktemp("archives")
    checkpoint = tiny_checkpoint(folder)
    settings = ServingSettings(
        workers=1, batch_size=1, handler={"device": "cpu", "precision": "float32", "shadow": SHADOW}
    )
    return [
        pack(checkpoint, folder / version, "tiny", version=version, settings=settings) for version in ("1.0", "2.0")
    ]


def _scraped(server: Server) -> Counts:
    """What is shown at this moment."""
    return {(sample.name, frozenset(sample.labels.items())): sample.value for sample in server.samples()}


def _counted(counts: Counts) -> Counts:
    """Of that, what workers have counted."""
    return {series: value for series, value in counts.items() if COUNTED.match(series[0])}


def _sum(counts: Counts, name: str, **labels: str) -> float:
    return sum(
        value
        for (found, its), value in counts.items()
        if found == f"groupnl_{name}" and labels.items() <= dict(its).items()
    )


def _until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LIMIT_S
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def _settled(server: Server) -> Counts:
    """What workers have counted when each chosen image has been answered again, or dropped."""
    counts: Counts = {}

    def is_settled() -> bool:
        counts.update(_counted(_scraped(server)))
        ended = _sum(counts, "shadow_pairs_total") + _sum(counts, "shadow_dropped_total")
        return _sum(counts, "shadow_sampled_total") == ended

    _until(is_settled)
    return counts


def _photos(server: Server, first: int) -> None:
    """So many, of which no two are alike, and one that is none."""
    for number in range(first, first + PHOTOS):
        image = Image.fromarray(scene()).rotate(number * 360 / PHOTOS / 2)
        assert server.predict("tiny", encode(image, "PNG"), {"X-Label": CLASSES[0]}).status == 200
    assert server.predict("tiny", b"no image").status == 415


def _ends(server: Server, number: signal.Signals) -> None:
    if number == signal.SIGKILL:
        server.process.kill()
        server.process.wait()
    else:
        assert server.stop(number) == 0


@pytest.mark.timeout(300)
def test_a_stop_and_a_kill(start: Start, archives: list[Path], tmp_path: Path) -> None:
    state = ("--state-dir", str(tmp_path / "state"))
    before: Counts = {}
    for turn, number in enumerate((signal.SIGTERM, signal.SIGKILL)):
        server = start("--models", f"tiny={archives[0]}", *state)
        server.wait_for("Ctrl-C stops")
        counts = _settled(server)
        assert [series for series, value in before.items() if counts.get(series, -1) < value] == []
        # The start itself asks for an answer to a grey image, which has no label and is no traffic of the shadows.
        assert _sum(counts, "labelled_total") == _sum(before, "labelled_total")
        assert _sum(counts, "requests_total") == _sum(before, "requests_total") + 1
        assert _sum(counts, "worker_starts_total") == _sum(counts, "worker_loads_total") == turn + 1
        if before:
            _photos(server, 0)  # which were seen before the restart
            assert _sum(_settled(server), "shadow_sampled_total") == _sum(before, "shadow_sampled_total")
        _photos(server, turn * PHOTOS)
        before = _settled(server)
        assert before.keys() == counts.keys()  # whatever happens, its series was there before
        assert _sum(before, "shadow_sampled_total") > _sum(counts, "shadow_sampled_total")
        _ends(server, number)
    server = start("--models", f"tiny={archives[1]}", *state)
    assert "its archive, twin or corruptions have changed" in server.wait_for("Ctrl-C stops")
    counts = _scraped(server)
    assert _sum(counts, "labelled_total") == 0
    assert _sum(counts, "requests_total") == _sum(before, "requests_total") + 1
    assert server.stop() == 0


@pytest.mark.timeout(300)
def test_a_service_and_its_folder(start: Start, archives: list[Path], tmp_path: Path) -> None:
    state = tmp_path / "state"
    options = ("--models", f"tiny={archives[0]}", "--state-dir", str(state))
    server = start(*options)
    server.wait_for("Ctrl-C stops")
    _who_dies_while_loading_is_counted(server)
    second = start(*options)
    assert second.end() != 0
    assert f"another process works in {state}" in second.output()
    assert server.stop() == 0
    (state / "counts.json").write_text("{")
    third = start(*options)
    assert third.end() != 0
    assert f"{state / 'counts.json'} is damaged" in third.output()
    assert "starting" not in third.output()


def _who_dies_while_loading_is_counted(server: Server) -> None:
    assert _workers(server) == {"loads": 1, "starts": 1, "wanted": 1, "ready": 1}
    (weights,) = _unpacked(server).glob("*.safetensors")
    hidden = weights.with_suffix(".hidden")
    weights.rename(hidden)
    (worker,) = server.workers("tiny")
    os.kill(worker, signal.SIGKILL)
    _until(lambda: _workers(server)["loads"] >= 3)
    found = _workers(server)
    assert found == {"loads": found["loads"], "starts": 1, "wanted": 1, "ready": 0}
    hidden.rename(weights)
    _until(lambda: _workers(server)["ready"] == 1)
    assert _workers(server)["starts"] == 2
    if server.kind == "groupnl":
        found = _workers(server)
        assert _sum(_scraped(server), "worker_deaths_total", reason="loading") == found["loads"] - found["starts"]


def _workers(server: Server) -> dict[str, float]:
    counts = _scraped(server)
    return {
        "loads": _sum(counts, "worker_loads_total"),
        "starts": _sum(counts, "worker_starts_total"),
        "wanted": _sum(counts, "workers_wanted"),
        "ready": _sum(counts, "workers_ready"),
    }


def _unpacked(server: Server) -> Path:
    """Where the model's files are: below the run's directory, which its processes name, or work in."""
    processes = psutil.Process(server.process.pid).children(recursive=True)
    words = [word for process in processes for word in (process.cwd(), *process.cmdline())]
    found = next(match for word in words if (match := re.match(r".*/groupnl-[^/]+", word)))
    return Path(found[0]) / "store" / "tiny"
