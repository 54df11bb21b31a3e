"""How much of what is counted is shown: sums stay what they were, and what would be wrong is not there."""

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from support.exposition import MODEL, Exposition

from groupnl.cluster.config import ClusterConfig
from groupnl.errors import ConfigError
from groupnl.metrics import (
    ADDED_UP,
    DETAILS,
    FAMILIES,
    MEANS,
    OF_ANSWERS,
    REQUESTS,
    SERVER_FAMILIES,
    SHADOW_PAIRS,
    SHOWN_DETAIL,
    Detail,
    Family,
)
from groupnl.report.samples import Samples, parse
from groupnl.server.config import load_config
from groupnl.server.observed.detail import Shown
from groupnl.server.observed.metrics_page import metrics_page

Values = Mapping[tuple[str, tuple[tuple[str, str], ...]], float]  # name and labels of a series -> its value


@pytest.fixture(scope="module")
def counted() -> CollectorRegistry:
    exposition = Exposition()
    exposition.grow()
    return exposition.registry


def values(registry: CollectorRegistry | Shown) -> Values:
    """Without the library's notes of when it made a series, which services do not have."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for metric in registry.collect()
        for sample in metric.samples
        if not sample.name.endswith("_created")
    }


def of(family: Family, found: Values) -> Values:
    names = {f"{family.name}{end}" for end in ("", "_bucket", "_sum", "_count")}
    return {series: value for series, value in found.items() if series[0] in names}


def by_corruption(found: Values) -> dict[str, float]:
    sums: defaultdict[str, float] = defaultdict(float)
    for (_, labels), value in found.items():
        sums[dict(labels)["corruption"]] += value
    return sums


def test_everything_is_shown_where_nothing_else_is_said(counted: CollectorRegistry) -> None:
    assert values(Shown(counted, "cells")) == values(counted)


@pytest.mark.parametrize("family", ADDED_UP, ids=lambda family: family.name)
def test_severities_are_added_up(counted: CollectorRegistry, family: Family) -> None:
    whole, less = of(family, values(counted)), of(family, values(Shown(counted, "corruptions")))
    assert by_corruption(less) == pytest.approx(by_corruption(whole))
    corrupted = [dict(labels) for _, labels in less if dict(labels)["corruption"] != "none"]
    assert len(corrupted) == len({labels["corruption"] for labels in corrupted}) == 19
    assert all("severity" not in labels for labels in corrupted)
    assert {series for series in less if ("corruption", "none") in series[1]} <= whole.keys()  # as it was


@pytest.mark.parametrize("family", MEANS, ids=lambda family: family.name)
def test_means_stay(counted: CollectorRegistry, family: Family) -> None:
    whole, less = of(family, values(counted)), of(family, values(Shown(counted, "corruptions")))
    left_out = {series for series in whole if dict(series[1]).get("le", "+Inf") != "+Inf"}
    assert less == {series: value for series, value in whole.items() if series not in left_out}
    assert len(left_out) == 19 * len(family.buckets)


def test_the_rest_is_as_it_was(counted: CollectorRegistry) -> None:
    whole, less = values(counted), values(Shown(counted, "corruptions"))
    for family in {*FAMILIES, *SERVER_FAMILIES} - {*ADDED_UP, *MEANS, SHOWN_DETAIL}:
        assert of(family, less) == of(family, whole)


def test_answers_alone(counted: CollectorRegistry) -> None:
    whole, less = values(counted), values(Shown(counted, "answers"))
    expected = {series for family in (*OF_ANSWERS, *SERVER_FAMILIES) for series in of(family, whole)}
    assert less == {series: whole[series] for series in expected} | {(SHOWN_DETAIL.name, (("detail", "answers"),)): 1}
    assert of(REQUESTS, less)


def test_of_a_candidate_everything_is_shown(counted: CollectorRegistry) -> None:
    whole = {series: value for series, value in values(counted).items() if "_candidate_" in series[0]}
    for detail in DETAILS:
        less = values(Shown(counted, detail))
        assert whole == {series: value for series, value in less.items() if "_candidate_" in series[0]}


def _asked(registry: CollectorRegistry, detail: Detail, query: str = "") -> Samples:
    request = {"REQUEST_METHOD": "GET", "PATH_INFO": "/metrics", "QUERY_STRING": query}
    return parse(b"".join(metrics_page(registry, detail)(request, lambda *_: None)).decode())


def test_the_page_shows_less(counted: CollectorRegistry) -> None:
    cells, corruptions = _asked(counted, "cells"), _asked(counted, "corruptions")
    labels = {"model": MODEL, "corruption": "fog"}
    assert len(cells.matching(SHADOW_PAIRS.name, **labels)) == 5
    (sample,) = corruptions.matching(SHADOW_PAIRS.name, **labels)
    assert sample.value == cells.total(SHADOW_PAIRS.name, **labels) > 0
    assert not cells.matching(SHOWN_DETAIL.name)
    assert corruptions.total(SHOWN_DETAIL.name, detail="corruptions") == 1


def test_series_are_asked_for_by_name(counted: CollectorRegistry) -> None:
    only = _asked(counted, "corruptions", f"name[]={SHADOW_PAIRS.name}")
    assert len(only.matching(SHADOW_PAIRS.name, model=MODEL)) == 19
    assert not only.matching(REQUESTS.name)
    assert not only.matching(SHOWN_DETAIL.name)


def test_it_is_a_setting_of_a_service_and_of_a_cluster(tmp_path: Path) -> None:
    assert load_config(None, {}).metrics_detail == "cells"
    replica = ClusterConfig(metrics_detail="answers").of_a_replica({}, tmp_path, "127.0.0.1")
    assert replica.metrics_detail == "answers"
    with pytest.raises(ConfigError, match=r"metrics_detail.*cells.*corruptions.*answers"):
        load_config(None, {"metrics_detail": "all"})
