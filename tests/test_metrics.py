"""groupnl.metrics: names and labels follow Prometheus' rules; zeros, counts and times land where they belong."""

import re
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from groupnl import metrics as metrics_module
from groupnl.metrics import (
    ANSWERS,
    FAMILIES,
    PROTOCOLS,
    REQUESTS,
    SERVER_FAMILIES,
    SHADOW_PAIRS,
    SHADOW_QUEUE_LENGTH,
    STAGE_SECONDS,
    Family,
    Metrics,
)

SERVICE, SERVER = (Path(metrics_module.__file__).parent / part for part in ("service", "server"))


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def metrics(registry: CollectorRegistry) -> Metrics:
    return Metrics("tiny", registry)


@pytest.mark.parametrize("family", [*FAMILIES, *SERVER_FAMILIES], ids=lambda family: family.name)
def test_names(family: Family) -> None:
    assert re.fullmatch(r"groupnl_[a-z0-9_]+", family.name)
    assert family.name.endswith("_total") == (family.kind == "counter")
    assert bool(family.buckets) == (family.kind == "histogram")
    assert family.help.endswith(".")
    assert list(family.buckets) == sorted(family.buckets)


@pytest.mark.parametrize(("folder", "families"), [(SERVICE, FAMILIES), (SERVER, SERVER_FAMILIES)])
def test_what_is_declared_is_counted(folder: Path, families: tuple[Family, ...]) -> None:
    sources = " ".join(path.read_text(encoding="utf-8") for path in folder.rglob("*.py"))
    declared = [name for name, value in vars(metrics_module).items() if isinstance(value, Family) and value in families]
    assert len(declared) == len(families)
    assert [name for name in declared if not re.search(rf"\b{name}\b", sources)] == []


def test_no_name_twice() -> None:
    assert len({family.name for family in (*FAMILIES, *SERVER_FAMILIES)}) == len(FAMILIES) + len(SERVER_FAMILIES)


def test_whoever_counts_for_several_models_names_them(registry: CollectorRegistry) -> None:
    metrics = Metrics(None, registry, [ANSWERS])
    metrics.start_at_zero(ANSWERS, model=["a", "b"])
    metrics.inc(ANSWERS, model="b", protocol="raw", code="503")
    counted = {
        (labels["model"], labels["protocol"], labels["code"]): value
        for name, labels, value, *_ in next(iter(registry.collect())).samples
        if name == ANSWERS.name
    }
    assert counted["b", "raw", "503"] == 1
    assert sum(counted.values()) == 1
    assert {(model, protocol) for model, protocol, _ in counted} == {(m, p) for m in "ab" for p in PROTOCOLS}


def test_zeros_from_the_start(registry: CollectorRegistry, metrics: Metrics) -> None:
    metrics.start_at_zero(SHADOW_PAIRS, corruption=["fog", "snow"], severity=["1", "2"])
    labels = {"model": "tiny", "corruption": "snow", "severity": "2"}
    assert registry.get_sample_value("groupnl_shadow_pairs_total", labels) == 0
    assert registry.get_sample_value("groupnl_shadow_pairs_total", labels | {"corruption": "frost"}) is None


def test_counts(registry: CollectorRegistry, metrics: Metrics) -> None:
    metrics.inc(REQUESTS, code="200")
    metrics.inc(REQUESTS, 2, code="200")
    metrics.set(SHADOW_QUEUE_LENGTH, 5)
    assert registry.get_sample_value("groupnl_requests_total", {"model": "tiny", "code": "200"}) == 3
    assert registry.get_sample_value("groupnl_shadow_queue_length", {"model": "tiny"}) == 5


def test_times_count_also_when_the_block_raises(registry: CollectorRegistry, metrics: Metrics) -> None:
    with pytest.raises(ZeroDivisionError), metrics.timed(STAGE_SECONDS, stage="infer"):
        _ = 1 / 0
    labels = {"model": "tiny", "stage": "infer"}
    assert registry.get_sample_value("groupnl_stage_seconds_count", labels) == 1
    assert 0 <= (registry.get_sample_value("groupnl_stage_seconds_sum", labels) or 0) < 1
