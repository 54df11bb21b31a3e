"""Counts go on where the last start ended, in order or killed; those of another archive begin anew."""

import os
import re
import signal
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from PIL import Image
from support.pictures import encode, scene
from support.server import Server
from support.shadows import PAIRS_DONE
from support.tiny import CLASSES, HANDLER, tiny_checkpoint
from support.waiting import until

from groupnl.archive.model_config import ServingSettings
from groupnl.archive.pack import pack
from groupnl.metrics import FAMILIES

Start = Callable[..., Server]
Counts = dict[tuple[str, frozenset[tuple[str, str]]], float]
SHADOW = {"corruptions": ["contrast"], "severities": [3], "share": 1.0, "time_share": 1.0, "niceness": 0}
COUNTED = re.compile("|".join(family.name for family in FAMILIES if family.kind in ("counter", "histogram")))
PHOTOS = 5
STARTS = 3  # of the service, each with one worker


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two versions of a model whose every answer is repeated."""
    folder = tmp_path_factory.mktemp("archives")
    checkpoint = tiny_checkpoint(folder)
    settings = ServingSettings(workers=1, batch_size=1, handler=HANDLER | {"shadow": SHADOW})
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


def _settled(server: Server) -> Counts:
    """What workers have counted when each chosen image has been answered again, or dropped."""
    counts: Counts = {}

    def is_settled() -> bool:
        counts.update(_counted(_scraped(server)))
        ended = _sum(counts, PAIRS_DONE.removeprefix("groupnl_")) + _sum(counts, "shadow_dropped_total")
        return _sum(counts, "shadow_sampled_total") <= ended

    until(is_settled)
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


@pytest.mark.timeout(600)
def test_a_stop_a_kill_and_another_archive(start: Start, archives: list[Path], tmp_path: Path) -> None:
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
    _who_dies_while_loading_is_counted(server)
    _the_folder_is_no_other_ones(server, start, archives[1], tmp_path / "state")


def _the_folder_is_no_other_ones(server: Server, start: Start, archive: Path, state: Path) -> None:
    """Nor is what is damaged taken for counts."""
    options = ("--models", f"tiny={archive}", "--state-dir", str(state))
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
    before = _workers(server)
    assert before == {"loads": STARTS, "starts": STARTS, "wanted": 1, "ready": 1}
    (weights,) = _unpacked(server).glob("*.safetensors")
    hidden = weights.with_suffix(".hidden")
    weights.rename(hidden)
    (worker,) = server.workers("tiny")
    os.kill(worker, signal.SIGKILL)
    until(lambda: _workers(server)["loads"] >= STARTS + 2)
    found = _workers(server)
    assert found == {"loads": found["loads"], "starts": STARTS, "wanted": 1, "ready": 0}
    hidden.rename(weights)
    until(lambda: _workers(server)["ready"] == 1)
    assert _workers(server)["starts"] == STARTS + 1
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
