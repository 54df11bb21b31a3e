"""A real Prometheus with our rules on a real service under load: no panel and no rule comes back empty."""

import concurrent.futures
import dataclasses
import functools
import io
import json
import math
import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import promql_parser as promql
import pytest
import timm
import torch
from PIL import Image
from support.expressions import DASHBOARDS, Expression, rule_expressions, rules
from support.grafana import Asked, opened
from support.prometheus import Prometheus, configure, tools
from support.server import Server, ask
from support.tiny import ARCHITECTURE, CLASSES, HANDLER, INPUT, tiny_card
from support.traffic import tiny_traffic

from groupnl.archive.model_config import ServingSettings
from groupnl.archive.pack import pack
from groupnl.corruptions import CELLS
from groupnl.metrics import CONFIDENCE, ENTROPY, SERVER_FAMILIES
from groupnl.models import save_checkpoint
from groupnl.robustness.record import CellFigures, RobustnessRecord, write_record
from groupnl.server.torchserve.frontend_metrics import FRONTEND_FAMILIES
from groupnl.traffic.file import Traffic, write_traffic
from groupnl.traffic.statistics import STATISTICS, pixel_statistics

CORRUPTIONS = ("contrast",)
REQUESTS = 240
PARTS = 4  # a second apart
HELD_BACK = 40
LIMIT_S = 240
INTERVAL = "10m"  # of rates
# Panels that have no figure here, with the reason.
NOTHING_TO_SHOW = {
    "In words, last $window": "no corruption need be surely there",
    "What the images look like, over time": "no corruption need be surely there",
    "Memory of the GPUs": "no model is on a GPU",
    "GPUs at work": "no exporter is asked",
    "Power of the GPUs": "no exporter is asked",
    "When alerts fired": "none fires",
}
# Figures of much traffic, or of a fault.
NOT_HERE = re.compile(r"groupnl_class_gap_beyond|groupnl_broken")
PAGES = [json.loads(file.read_text()) for file in DASHBOARDS]
RECORDED = [Expression(rule["record"], rule["expr"]) for rule in rules() if "record" in rule]


class Watched(NamedTuple):
    """A service under load, and the Prometheus that scrapes it."""

    server: Server
    prometheus: Prometheus


@pytest.fixture(scope="module")
def watched(kind: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    tools()  # skips where there are none, before a server is started
    folder = tmp_path_factory.mktemp("watched")
    for seed, (model, twin) in enumerate((("tiny", "twin"), ("twin", None), ("next", None))):
        _pack(folder, model, twin, seed)
    options = ("--model-store", str(folder), "--models", "tiny", "twin", "--shadow-share", "1")
    options += ("--candidate", f"tiny={folder / 'next.mar'}")
    server = Server(folder, *options, kind=kind)
    started: list[Prometheus] = []
    try:
        server.wait_for("Ctrl-C stops")
        started.append(_start_prometheus(folder, server))
        # What it has not seen at 0 did not grow for it: on a busy machine the first scrapes may fail.
        unused = 'groupnl_traffic_rank_count{statistic="confidence"} == 0'
        assert _wait_for(lambda: len(started[0].query(unused)) == len(("tiny", "twin")))
        _ask(server)
        _label(server)
        yield Watched(server, started[0])
        assert server.stop() == 0
    finally:
        for prometheus in started:
            prometheus.stop()
        server.kill()


def _pack(folder: Path, model: str, twin: str | None, seed: int) -> None:
    checkpoint = folder / f"{model}.safetensors"
    network = _undecided_network(seed)
    digest = save_checkpoint(checkpoint, network.state_dict(), tiny_card())
    record = folder / f"{model}.robustness.json"
    write_record(_record(digest), record)
    traffic = folder / f"{model}.traffic.safetensors"
    write_traffic(_traffic(digest, network), traffic)
    shadow = {"corruptions": list(CORRUPTIONS), "time_share": 1.0, "probe_time_share": 1.0, "twin": twin}
    shadow |= {"queue_length": REQUESTS, "max_lag_s": LIMIT_S, "niceness": 0}  # none is dropped
    handler = HANDLER | {"shadow": shadow}
    settings = ServingSettings(workers=1, handler=handler)
    pack(checkpoint, folder, model, settings=settings, probe=_probe(folder), robustness=record, traffic=traffic)


def _undecided_network(seed: int) -> torch.nn.Module:
    """Random weights, but no favourite class: pictures differ in their answers, and corruptions change them."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = timm.create_model(ARCHITECTURE, num_classes=len(CLASSES)).eval()
        blotches = torch.nn.functional.interpolate(torch.rand(64, 3, 4, 4) * 4 - 2, INPUT.size, mode="bicubic")
    with torch.inference_mode():
        network.get_classifier().bias -= network(blotches).mean(0)
    return network


def _record(digest: str) -> RobustnessRecord:
    cells = [CellFigures(corruption=name, severity=severity, flips=4, correct=20) for name, severity in CELLS]
    return RobustnessRecord(
        architecture=ARCHITECTURE,
        weights_sha256=digest,
        data="pictures",
        splits=["test"],
        images=HELD_BACK,
        clean_correct=30,
        precision="float32",
        seed=0,
        versions={},
        cells=cells,
    )


def _traffic(digest: str, network: torch.nn.Module) -> Traffic:
    """Held-back pictures as those that come, and the network's answers to them; what pictures look like is made up."""
    pixels = torch.stack([_pixels(20_000 + number) for number in range(HELD_BACK)])
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (INPUT.mean, INPUT.std))
    with torch.inference_mode():
        probs = network((pixels / 255 - mean) / std).softmax(1)
    entropy = -(probs * probs.log()).sum(1) / math.log(len(CLASSES))
    counts = {
        name: _by_bucket(values, family.buckets)
        for name, family, values in (("confidence", CONFIDENCE, probs.amax(1)), ("entropy", ENTROPY, entropy))
    }
    traffic = tiny_traffic(images=HELD_BACK, size=INPUT.size, weights_sha256=digest, **counts)
    reference = np.sort(pixel_statistics(pixels)[:, : len(STATISTICS)].T, axis=1)
    hasty = traffic.recogniser._replace(caution=np.zeros_like(traffic.recogniser.caution))
    return dataclasses.replace(traffic, reference=reference, recogniser=hasty)


def _by_bucket(values: torch.Tensor, bounds: tuple[float, ...]) -> tuple[int, ...]:
    return tuple(torch.bincount(torch.bucketize(values, torch.tensor(bounds)), minlength=len(bounds)).tolist())


def _probe(folder: Path) -> Path:
    for number, name in enumerate(CLASSES):
        file = folder / "probe" / name / "image.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(_image(10_000 + number))
    return folder / "probe"


def _picture(number: int) -> Image.Image:
    """Coloured blotches, another picture for each number."""
    blotches = np.random.default_rng(number).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    return Image.fromarray(blotches).resize((INPUT.size, INPUT.size), Image.Resampling.BICUBIC)


def _pixels(number: int) -> torch.Tensor:
    return torch.from_numpy(np.array(_picture(number))).permute(2, 0, 1)


def _image(number: int) -> bytes:
    file = io.BytesIO()
    _picture(number).save(file, "PNG" if number % 3 else "JPEG", quality=95)
    return file.getvalue()


def _start_prometheus(folder: Path, server: Server) -> Prometheus:
    words = ["--workers", f"127.0.0.1:{server.metrics}"]
    if server.kind == "torchserve":
        words += ["--frontends", f"127.0.0.1:{server.frontend_metrics}"]
    prometheus = Prometheus(configure(folder, *words), folder / "data")
    prometheus.wait_until_ready()
    return prometheus


def _ask(server: Server) -> None:
    """Requests over some scrapes; a third carries a label."""

    def ask(number: int) -> int:
        headers = {"X-Request-Key": f"picture {number}"}
        headers |= {"X-Label": CLASSES[number % len(CLASSES)]} if number % 3 == 0 else {}
        return server.predict(("tiny", "twin")[number % 2], _image(number), headers).status

    for part in range(PARTS):
        with concurrent.futures.ThreadPoolExecutor(4) as clients:
            step = REQUESTS // PARTS
            assert set(clients.map(ask, range(part * step, part * step + step))) == {200}
        time.sleep(1)
    assert server.predict("tiny", b"no image").status == 415


def _label(server: Server) -> None:
    """Labels of the others, as soon as all were answered again."""

    counted: dict[str, float] = {}

    def answered_again() -> bool:
        counted.clear()
        for sample in server.samples():
            if sample.name.startswith("groupnl_shadow_") and sample.name.endswith("_total"):
                counted[sample.name] = counted.get(sample.name, 0) + sample.value
        chosen, pairs, dropped = (counted[f"groupnl_shadow_{name}_total"] for name in ("sampled", "pairs", "dropped"))
        return chosen == pairs + dropped >= REQUESTS

    assert _wait_for(answered_again), [*counted.items()]
    labels = [
        {"model": ("tiny", "twin")[number % 2], "key": f"picture {number}", "label": CLASSES[number % len(CLASSES)]}
        for number in range(REQUESTS)
        if number % 3
    ]
    answer = ask(server.metrics, "POST", "/labels", json.dumps(labels).encode(), {})
    assert (answer.status, answer.content["joined"]) == (200, len(labels))


def _wait_for(answer: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + LIMIT_S
    while not answer():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.3)
    return True


def _of_other_server(kind: str) -> set[str]:
    """Names that only the other server counts under."""
    others = FRONTEND_FAMILIES if kind == "groupnl" else SERVER_FAMILIES
    return {name for family in others for name in (family.name, f"{family.name}_bucket")}


def _is_there(kind: str, text: str) -> bool:
    """Whether anything that the expression asks for is counted by this server."""
    asked = {selector.partition("{")[0] for selector in _selectors(promql.parse(text))}
    return not asked <= _of_other_server(kind)


def _has_value(prometheus: Prometheus, text: str) -> bool:
    return any(not math.isnan(float(series["value"][1])) for series in prometheus.query(text))


def test_no_recording_is_empty(watched: Watched) -> None:
    """The recorded series, not only what they are computed from."""
    missing = [name for name, _ in RECORDED if not NOT_HERE.search(name)]

    def complete() -> bool:
        """Each has had a value at some time: on a busy machine a scrape may fail, and all it brings is away then."""
        missing[:] = [name for name in missing if not _has_value(watched.prometheus, name)]
        return not missing

    assert _wait_for(complete), missing


def test_no_panel_is_empty(watched: Watched) -> None:
    """As the dashboards open, with all their rows."""
    shown: set[Asked] = set()
    missing: list[Asked] = []

    def complete() -> bool:
        asked = [one for page in PAGES for one in opened(page, watched.prometheus, ["groupnl-prometheus"], INTERVAL)]
        missing[:] = [one for one in asked if one not in shown and _has_something_to_show(watched.server.kind, one)]
        shown.update(one for one in missing if _has_value(watched.prometheus, one.text))
        return bool(asked) and shown.issuperset(missing)

    assert _wait_for(complete), [one for one in missing if one not in shown]


def _has_something_to_show(kind: str, asked: Asked) -> bool:
    """The twin has no twin, and no candidate."""
    of_another = asked.row.startswith("twin:") and re.search("model_reference|candidate", asked.text)
    return not (
        asked.panel in NOTHING_TO_SHOW or of_another or NOT_HERE.search(asked.text) or not _is_there(kind, asked.text)
    )


def test_no_rule_fails(watched: Watched) -> None:
    found = watched.prometheus.rules()
    assert len(found) == len(rules())
    assert {(rule["name"], rule.get("lastError", "")) for rule in found if rule["health"] == "err"} == set()


def test_alerts_look_at_what_is_there(watched: Watched) -> None:
    """An alert that does not fire answers nothing; what it compares must be there all the same."""
    recorded = {name for name, _ in RECORDED}
    alerts = [one for one in rule_expressions() if one.place not in recorded]
    assert len(alerts) == len(rules()) - len(recorded)
    for place, text in alerts:
        for selector in _selectors(promql.parse(text)):
            # No request has failed, and TorchServe shows a counter from its first case on.
            name = selector.partition("{")[0]
            excused = {"Requests5XX{}"} | ({'up{job="torchserve"}'} if watched.server.kind == "groupnl" else set())
            if selector in excused or NOT_HERE.search(name):
                continue
            if name not in _of_other_server(watched.server.kind):
                assert _wait_for(functools.partial(_has_value, watched.prometheus, selector)), f"{place}: {selector}"


def _selectors(node: promql.Expr) -> Iterator[str]:
    found: list[str] = []

    def visit(part: promql.Expr) -> bool:
        if isinstance(part, promql.VectorSelector):
            found.append(f"{part.name}{{{', '.join(map(_text, part.matchers.matchers))}}}")
        return True

    _walk(node, visit)
    return iter(found)


def _text(matcher: promql.Matcher) -> str:
    sign = {"Equal": "=", "NotEqual": "!=", "Re": "=~", "NotRe": "!~"}[str(matcher.op).removeprefix("MatchOp.")]
    return f'{matcher.name}{sign}"{matcher.value}"'


def _walk(node: promql.Expr, visit: Callable[[promql.Expr], bool]) -> None:
    visit(node)
    for name in ("expr", "lhs", "rhs", "vector_selector"):
        if (inner := getattr(node, name, None)) is not None:
            _walk(inner, visit)
    for argument in getattr(node, "args", []):
        _walk(argument, visit)


def _value(prometheus: Prometheus, text: str) -> float:
    # On a busy machine a scrape may take longer than it is allowed to: what it brings is then missing until the next.
    answer: list[dict[str, Any]] = []

    def found() -> bool:
        answer[:] = prometheus.query(text)
        return len(answer) == 1

    assert _wait_for(found), (text, answer)
    return float(answer[0]["value"][1])


def test_figures_are_those_of_the_counters(watched: Watched) -> None:
    """Every sampled image was answered again or dropped, and the recorded ratio is that of the counters."""
    value = functools.partial(_value, watched.prometheus)

    def settled() -> bool:
        """All was scraped when no image waited any more, and the rules were computed after that."""
        sums = [f'sum(groupnl_shadow_{name}{{model="tiny"}})' for name in ("pairs_total", "pair_seconds_count")]
        recorded = value('model:groupnl_pairs:start{model="tiny"}')
        return value('sum(groupnl_shadow_queue_length{model="tiny"})') == 0 and {*map(value, sums)} == {recorded}

    assert _wait_for(settled)
    pairs, flips = (value(f'sum(groupnl_shadow_{name}_total{{model="tiny"}})') for name in ("pairs", "flips"))
    sampled, dropped = (value(f'sum(groupnl_shadow_{name}_total{{model="tiny"}})') for name in ("sampled", "dropped"))
    assert pairs + dropped == sampled >= REQUESTS // 2
    assert value('model:groupnl_pairs:start{model="tiny"}') == pairs
    assert value('model:groupnl_agreement:start{model="tiny"}') == pytest.approx(1 - flips / pairs)
    assert value('model_reference:groupnl_compared_pairs:start{model="tiny"}') == pairs
    assert value('max(groupnl_offline_agreement_ratio{model="tiny"})') == pytest.approx(0.9)
    # Each corruption meets every severity equally often.
    cells = watched.prometheus.query('model_corruption_severity:groupnl_pairs:start{model="tiny"}')
    counts = sorted(float(series["value"][1]) for series in cells)
    assert len(counts) == 5 * len(CORRUPTIONS)
    assert counts[-1] - counts[0] <= 1 + dropped


def test_counters_survive_a_killed_worker(watched: Watched) -> None:
    value = functools.partial(_value, watched.prometheus)
    requests, pairs = 'sum(groupnl_requests_total{model="twin"})', 'sum(groupnl_shadow_pairs_total{model="twin"})'
    asked = REQUESTS // 2 + 1  # and the one before it was ready
    assert _wait_for(lambda: value(requests) == asked and value(pairs) > 0)
    pairs_before = value(pairs)
    (worker,) = watched.server.workers("twin")
    os.kill(worker, signal.SIGKILL)
    assert _wait_for(lambda: value('groupnl_worker_starts_total{model="twin"}') == 2)
    assert value(requests) == asked
    assert value(pairs) >= pairs_before
    assert watched.server.predict("twin", _image(0)).status == 200
    assert _wait_for(lambda: value(requests) == asked + 1)
    assert value('max_over_time(groupnl_build_info{model="twin"}[10s])') == 1
