"""groupnl report and groupnl gate beside replicas that do not show all that they count."""

import pytest
from prometheus_client import CollectorRegistry
from support.reported import count_cells, count_outcomes, samples_of
from support.reported_traffic import count_all

from groupnl.gate.counts import counts_of
from groupnl.metrics import BUILD_INFO, DETAILS, REQUESTS, Detail, Metrics
from groupnl.report.figures import ModelFigures, figures_of
from groupnl.report.page import page
from groupnl.report.samples import Samples
from groupnl.server.observed.detail import Shown

NO_CELLS = "show no severities"
NO_PAIRS = "show nothing of images that were answered a second time"
CELLS_ALONE = ("by_cell", "details")


def samples(*details: Detail) -> Samples:
    """Of replicas that have counted the same, all that there can be."""
    registry = CollectorRegistry()
    metrics = Metrics("m", registry)
    metrics.inc(REQUESTS, 5, code="200")
    archive = {"version": "1", "arch": "net", "engine": "eager", "precision": "float32", "torch": "2"}
    metrics.set(BUILD_INFO, 1, archive_sha256="a", **archive)
    count_cells(metrics)
    count_outcomes(metrics, "r")
    count_all(metrics)
    return samples_of(*(Shown(registry, detail) for detail in details))


def figures(*details: Detail) -> ModelFigures:
    return figures_of(samples(*details), "m")


def words(told: ModelFigures) -> str:
    return page([told], "s", "p", "t")


def test_without_severities_all_but_single_cells_is_told() -> None:
    whole, less = figures("cells"), figures("corruptions")
    for name in set(ModelFigures._fields) - {*CELLS_ALONE}:
        assert getattr(less, name) == getattr(whole, name), name
    assert {share.total for share in whole.by_cell.values()} == {20}
    assert {share.total for share in less.by_cell.values()} == {0}
    assert NO_CELLS in words(less)
    assert NO_CELLS not in words(whole)


def test_beside_each_other_they_add_up() -> None:
    whole, mixed = figures("cells", "cells"), figures("cells", "corruptions")
    for name in set(ModelFigures._fields) - {*CELLS_ALONE}:
        assert getattr(mixed, name) == getattr(whole, name), name
    assert mixed.by_cell == figures("cells").by_cell
    assert NO_CELLS in words(mixed)


def test_of_answers_alone_nothing_else_is_told() -> None:
    alone = figures("answers")
    assert alone.agreement.total == 0
    assert (alone.twin, alone.probe, alone.labelled, alone.late, alone.estimate) == (None,) * 5
    assert NO_PAIRS in words(alone)


def test_of_answers_beside_others_robustness_is_the_others() -> None:
    whole, mixed = figures("cells"), figures("cells", "answers")
    for name in ("agreement", "by_corruption", "by_cell", "top5", "in_group", "twin", "probe", "labelled", "late"):
        assert getattr(mixed, name) == getattr(whole, name), name
    assert mixed.requests == {"200": 10}
    assert NO_PAIRS in words(mixed)


@pytest.mark.parametrize("detail", DETAILS)
def test_the_gate_reads_the_same(detail: Detail) -> None:
    assert counts_of(samples(detail), "m", "new_es") == counts_of(samples("cells"), "m", "new_es")
