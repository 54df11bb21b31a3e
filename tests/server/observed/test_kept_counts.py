"""groupnl.server.observed.kept_counts: what workers counted goes on in the next start, if it says something of it."""

import json
import logging
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.mmap_dict import MmapedDict, mmap_key
from prometheus_client.parser import text_string_to_metric_families
from support.folder_holder import held
from support.small_disk import fill, small_disk

from groupnl.errors import ConfigError
from groupnl.metrics import (
    CANDIDATE_HOLDS,
    REQUESTS,
    SHADOW_JS_BITS,
    SHADOW_PAIRS,
    SHADOW_QUEUE_LENGTH,
    STAGE_SECONDS,
    Family,
)
from groupnl.server.comparison import Comparison
from groupnl.server.observed import kept_counts as module
from groupnl.server.observed.kept_counts import FILE, KeptCounts, kept_counts
from groupnl.server.observed.worker_files import WorkerFiles

OLD = Comparison("a" * 64, "b" * 64, "[null, null]")
NEW = OLD._replace(archive="c" * 64)
NEVER_A_PROCESS = 10_000_000  # above the most that Linux gives


class Start:
    """One start of a service, whose workers are played.

    Attributes:
        kept: of the start.
        said: to the operator.
    """

    def __init__(self, kept: KeptCounts, folder: Path) -> None:
        self.kept = kept
        self.said: list[str] = []
        self._folder = folder
        self._pid = NEVER_A_PROCESS
        self._registry = CollectorRegistry()
        self._registry.register(kept.workers)
        self._registry.register(kept)

    def count(self, family: Family, value: float, model: str = "tiny", series: str = "", **labels: str) -> None:
        """A worker that counts so much, and is gone."""
        self._pid += 1
        kind = {"sum": "gauge_livesum"}.get(family.kind, family.kind)
        file: Any = MmapedDict(str(self._folder / f"{kind}_{self._pid}.db"))  # type: ignore[no-untyped-call]
        name = series or family.name
        names, values = zip(*{"model": model, **labels}.items(), strict=True)
        key = mmap_key(family.name.removesuffix("_total"), name, [*names], [*values], family.help)
        file.write_value(key, value, 0.0)
        file.close()

    def scrape(self) -> dict[tuple[str, ...], float]:
        """Series, each with the values of its labels, and what is told of it."""
        text = generate_latest(self._registry).decode()
        return {
            (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }


@contextmanager
def started(folder: Path, comparison: Comparison = OLD, *more: str, state: Path | None = None) -> Iterator[Start]:
    """A start with the model `tiny` and more of them; it ends as if it was killed."""
    live = folder / f"live-{time.monotonic_ns()}"
    with kept_counts(WorkerFiles(live), state or folder / "state") as kept:
        start = Start(kept, live)
        kept.begin({"tiny": comparison, **dict.fromkeys(more, comparison)}, start.said.append)
        yield start


def traffic(start: Start) -> None:
    """Counts of each kind."""
    start.count(REQUESTS, 20, code="200")
    start.count(REQUESTS, 1, code="200")
    start.count(SHADOW_PAIRS, 7, corruption="fog", severity="1")
    start.count(STAGE_SECONDS, 0.5, series="groupnl_stage_seconds_sum", stage="infer")
    for bound, pairs in (("0.1", 3), ("+Inf", 2)):
        start.count(SHADOW_JS_BITS, pairs, series="groupnl_shadow_js_bits_bucket", corruption="fog", le=bound)
    start.count(SHADOW_QUEUE_LENGTH, 4)


REQUESTS_SERIES = ("groupnl_requests_total", "200", "tiny")
CANDIDATE_SERIES = ("groupnl_candidate_holds_total", "new", "fog", "tiny", "both_hold")
PAIRS_SERIES = ("groupnl_shadow_pairs_total", "fog", "tiny", "1")
SHOWN = {
    REQUESTS_SERIES: 21,
    PAIRS_SERIES: 7,
    ("groupnl_stage_seconds_sum", "tiny", "infer"): 0.5,
    ("groupnl_stage_seconds_count", "tiny", "infer"): 0,
    ("groupnl_shadow_js_bits_bucket", "fog", "0.1", "tiny"): 3,
    ("groupnl_shadow_js_bits_bucket", "fog", "+Inf", "tiny"): 5,
    ("groupnl_shadow_js_bits_count", "fog", "tiny"): 5,
}


def counts(start: Start) -> dict[tuple[str, ...], float]:
    """What is scraped, but for when it was written; a histogram of which only the sum was played has no count."""
    told = start.scrape()
    told.pop(("groupnl_counts_saved_timestamp_seconds",), None)
    told.setdefault(("groupnl_stage_seconds_count", "tiny", "infer"), 0)
    return told


def test_what_a_scrape_has_shown_is_never_less_after_a_kill(tmp_path: Path) -> None:
    with started(tmp_path) as start:
        traffic(start)
        assert counts(start) == SHOWN
        start.count(REQUESTS, 5, code="200")  # which nobody saw
    for more in range(3):
        with started(tmp_path) as start:
            assert counts(start) == SHOWN | {REQUESTS_SERIES: 21 + more}
            start.count(REQUESTS, 1, code="200")
            assert counts(start) == SHOWN | {REQUESTS_SERIES: 21 + more + 1}
            assert start.said == []


def test_when_they_were_written_is_told(tmp_path: Path) -> None:
    with started(tmp_path) as start:
        traffic(start)
        before = time.time()
        (saved,) = (value for (name, *_), value in start.scrape().items() if name.startswith("groupnl_counts_saved"))
        assert before <= saved <= time.time()


def test_without_a_folder_nothing_is_kept_or_told(tmp_path: Path) -> None:
    for _ in range(2):
        live = tmp_path / f"live-{time.monotonic_ns()}"
        with kept_counts(WorkerFiles(live), None) as kept:
            start = Start(kept, live)
            kept.begin({"tiny": OLD}, start.said.append)
            assert start.scrape() == {}
            traffic(start)
            assert start.scrape() == {
                key: value for key, value in SHOWN.items() if key[0] != "groupnl_stage_seconds_count"
            }
            kept.save()
    assert {path.name[:4] for path in tmp_path.iterdir()} == {"live"}


def test_another_archive_begins_anew_and_the_service_goes_on(tmp_path: Path) -> None:
    with started(tmp_path) as start:
        traffic(start)
        start.scrape()
    with started(tmp_path, NEW) as start:
        told = counts(start)
        assert told[REQUESTS_SERIES] == 21
        assert PAIRS_SERIES not in told
        assert not any(name.startswith("groupnl_shadow") for name, *_ in told)
        assert "tiny: its archive, twin or corruptions have changed" in start.said[0]
        start.count(SHADOW_PAIRS, 1, corruption="fog", severity="1")
        assert counts(start)[PAIRS_SERIES] == 1
    with started(tmp_path) as start:  # back again: what the old one had counted is gone
        assert PAIRS_SERIES not in counts(start)


def test_an_archive_that_never_answered_costs_the_old_one_nothing(tmp_path: Path) -> None:
    with started(tmp_path) as start:
        traffic(start)
        start.scrape()
    with started(tmp_path, NEW) as start:  # it does not load, and the operator goes back
        start.count(REQUESTS, 1, code="500")
        assert PAIRS_SERIES not in counts(start)
    with started(tmp_path) as start:
        assert counts(start) == SHOWN | {("groupnl_requests_total", "500", "tiny"): 1}


@pytest.mark.parametrize("other", [{"twin": None}, {"twin": "d" * 64}, {"cells": "[null, [5]]"}], ids=str)
def test_another_twin_or_none_or_other_cells_are_another_comparison(tmp_path: Path, other: dict[str, Any]) -> None:
    with started(tmp_path) as start:
        traffic(start)
        start.scrape()
    with started(tmp_path, OLD._replace(**other)) as start:
        assert PAIRS_SERIES not in counts(start)


def test_another_candidate_begins_anew_and_its_model_goes_on(tmp_path: Path) -> None:
    first, second = (OLD._replace(candidate=letter * 64) for letter in "ef")
    images = {"candidate": "new", "corruption": "fog", "outcome": "both_hold"}
    with started(tmp_path, first) as start:
        traffic(start)
        start.count(CANDIDATE_HOLDS, 4, **images)
        assert counts(start)[CANDIDATE_SERIES] == 4
    with started(tmp_path, first) as start:
        assert start.said == []
        assert counts(start)[CANDIDATE_SERIES] == 4
        start.kept.exchange("tiny", second)
        assert counts(start) == SHOWN
        start.count(CANDIDATE_HOLDS, 1, **images)
        start.scrape()
    with started(tmp_path, OLD) as start:
        assert "tiny: its candidate has changed" in start.said[0]
        assert counts(start) == SHOWN


def test_an_exchange_within_a_start(tmp_path: Path) -> None:
    """Both count while both answer; when the old workers have ended, their pairs are gone, and no other model's."""
    with started(tmp_path, OLD, "other") as start:
        traffic(start)
        start.count(SHADOW_PAIRS, 9, "other", corruption="fog", severity="1")
        start.scrape()
        start.kept.exchange("tiny", NEW)
        start.count(SHADOW_PAIRS, 2, corruption="fog", severity="1")
        expected = {PAIRS_SERIES: 2, REQUESTS_SERIES: 21, ("groupnl_shadow_pairs_total", "fog", "other", "1"): 9}
        told = counts(start)
        assert {series: told[series] for series in expected} == expected
        assert ("groupnl_shadow_js_bits_count", "fog", "tiny") not in told
    with started(tmp_path, NEW, "other") as start:
        told = counts(start)
        assert told[PAIRS_SERIES] == 2
    with started(tmp_path, OLD, "other") as start:
        assert PAIRS_SERIES not in counts(start)


def test_a_model_that_is_not_served_for_a_while(tmp_path: Path) -> None:
    with started(tmp_path, OLD, "other") as start:
        start.count(REQUESTS, 3, "other", code="200")
        start.scrape()
    with started(tmp_path) as start:
        assert start.scrape().keys() == {("groupnl_counts_saved_timestamp_seconds",)}
    with started(tmp_path, OLD, "other") as start:
        assert start.scrape()["groupnl_requests_total", "200", "other"] == 3


def test_where_counts_begin_anew_no_image_was_seen(tmp_path: Path) -> None:
    """Images that are in no count would else never be chosen again."""
    with started(tmp_path) as start:
        start.count(SHADOW_PAIRS, 5, corruption="fog", severity="1")
        start.scrape()
    seen = tmp_path / "state" / "seen"
    seen.mkdir()
    for model in ("tiny", "tiny-2"):
        (seen / f"{model}-0123456789abcdef").touch()
    with started(tmp_path):
        assert [file.name for file in seen.iterdir()] == ["tiny-0123456789abcdef"]
    (tmp_path / "state" / FILE).unlink()
    with started(tmp_path):
        assert list(seen.iterdir()) == []


def test_series_that_this_version_does_not_have_are_left_out(tmp_path: Path) -> None:
    with started(tmp_path) as start:
        traffic(start)
        start.scrape()
    file = tmp_path / "state" / FILE
    content = json.loads(file.read_text())
    content["models"]["tiny"]["counts"] += [
        ["groupnl_old_total", {}, 1.0],
        ["groupnl_requests_total", {"old": "a"}, 1.0],
    ]
    file.write_text(json.dumps(content))
    with started(tmp_path) as start:
        assert counts(start) == SHOWN


def test_it_is_written_where_nobody_scrapes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with started(tmp_path) as start:
        traffic(start)
        monkeypatch.setattr(module, "SAVE_S", 1000.0)
        start.kept.save_at_times()
        assert not (tmp_path / "state" / FILE).exists()
        monkeypatch.setattr(module, "SAVE_S", 0.0)
        start.kept.save_at_times()
    with started(tmp_path) as start:
        assert counts(start) == SHOWN


def test_two_services_do_not_share_a_folder(tmp_path: Path) -> None:
    sentence = rf"another process works in {tmp_path}/state: wait for it, or choose another --state-dir"
    with held(tmp_path / "state"), pytest.raises(ConfigError, match=sentence), started(tmp_path):
        pass


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", "Invalid JSON"),
        ('{"content": "counts of groupnl serve", "form": 1, "mod', "Invalid JSON"),
        ("{}", "content: "),
        ('{"name": "a package"}', "content: "),
        ('{"content": "counts of groupnl serve", "form": 2, "saved": "2026-01-01T00:00:00Z", "models": {}}', "form: "),
        ("\udcff", "Invalid JSON"),
    ],
    ids=["empty", "cut", "empty object", "foreign", "later form", "no text"],
)
def test_what_is_damaged_or_foreign_is_refused_by_name(tmp_path: Path, content: str, complaint: str) -> None:
    file = tmp_path / "state" / FILE
    file.parent.mkdir()
    file.write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(ConfigError) as caught, started(tmp_path):
        pass
    assert complaint in str(caught.value)
    assert f"{file} is damaged, or not what groupnl serve keeps" in str(caught.value)
    assert "move it away" in str(caught.value)
    assert file.read_bytes() == content.encode("utf-8", "surrogateescape")


@pytest.mark.parametrize("value", ["-1", "NaN", "true", '"3"'])
def test_what_no_count_is_is_refused(tmp_path: Path, value: str) -> None:
    with started(tmp_path) as start:
        traffic(start)
        start.scrape()
    file = tmp_path / "state" / FILE
    file.write_text(file.read_text().replace("21.0", value))
    with pytest.raises(ConfigError, match=r"models\.tiny\.counts"), started(tmp_path):
        pass


def test_a_place_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for state in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(ConfigError, match=r"cannot keep counts in .*--state-dir"), started(tmp_path, state=state):
            pass


def test_a_full_disk_is_told_once_and_harms_nobody(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    with small_disk(tmp_path / "disk", 64) as disk, started(tmp_path, state=disk) as start:
        traffic(start)
        filler = fill(disk, 0)
        for _ in range(3):
            assert counts(start) == SHOWN
        (told,) = caplog.messages
        assert "cannot be kept" in told
        assert "No space left on device" in told
        filler.unlink()
        assert counts(start) == SHOWN
        assert "is kept again" in caplog.messages[1]
        assert stat.S_ISREG((disk / FILE).stat().st_mode)
