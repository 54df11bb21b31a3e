"""Requests, refusals, stages and batches are counted; a service test reads them again from the real endpoint."""

import logging
from pathlib import Path

import pytest
import torch
from PIL import Image
from prometheus_client import CollectorRegistry
from support.offline_record import offline_record
from support.pictures import encode, scene
from support.traffic import tiny_record

from groupnl.archive.handler_config import HandlerConfig
from groupnl.archive.load import load_unpacked
from groupnl.archive.shadow_config import ShadowConfig
from groupnl.archive.speed.machine import Machine
from groupnl.archive.speed.speeds import Plan, Speed, Speeds, write_speeds
from groupnl.base.turns import Turns
from groupnl.corruptions import CELLS, Cell
from groupnl.errors import ConfigError, input_errors
from groupnl.inference.engines.torch_engine import TorchEngine
from groupnl.metrics import CLEAN, FAMILIES, GPU_HALVINGS, GPU_UNRECORDED, WORKER_LOADS, Metrics
from groupnl.robustness.record import ROBUSTNESS_FILE, write_record
from groupnl.service import loading
from groupnl.service.answer_counts import AnswerCounts
from groupnl.service.counting import count_start, set_engine_speeds, set_offline_figures, worker_metrics
from groupnl.service.items import Item
from groupnl.service.loading import load_service
from groupnl.service.service import Service
from groupnl.service.shadow import Sampler
from groupnl.service.shadow.counts import ShadowCounts
from groupnl.service.shadow.notes import open_notes
from groupnl.service.shadow.traffic_counts import TrafficCounts

_OF_A_CANDIDATE = {family for family in FAMILIES if "candidate" in family.labels}


class _Counts:
    def __init__(self) -> None:
        self.registry = CollectorRegistry()

    def __call__(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(name, {"model": "tiny", **labels})


@pytest.fixture
def counts() -> _Counts:
    return _Counts()


@pytest.fixture
def service(packed: Path, counts: _Counts) -> Service:
    manifest, model = load_unpacked(packed)
    engine = TorchEngine(model, manifest.card.input, torch.device("cpu"), torch.float32)
    metrics = Metrics("tiny", counts.registry)
    shadows = Sampler(ShadowCounts(metrics, None), None)
    return Service(manifest.card, engine, HandlerConfig(), metrics, shadows, Turns(None, 1))


def test_how_fast_the_engines_are_is_told(tmp_path: Path, counts: _Counts, caplog: pytest.LogCaptureFixture) -> None:
    metrics = Metrics("tiny", counts.registry)
    set_engine_speeds(metrics, tmp_path)  # never measured
    here = Machine(cpu="Some CPU", instructions=(), cores=2, gpus=(), packages={})
    each = (
        Speed(engine="onnx", precision="float32", full=50.0, beside=20.0, alone=10.0),
        Speed(engine="openvino", precision="float32", full=90.0, beside=30.0, alone=40.0),
    )
    write_speeds(Speeds(machine=here, plan=Plan(workers=2, batch_size=8, threads=None), speeds=each), tmp_path)
    with caplog.at_level(logging.INFO):
        set_engine_speeds(metrics, tmp_path)
    assert counts("groupnl_engine_images_per_second", engine="onnx", load="full") == 50.0
    assert counts("groupnl_engine_images_per_second", engine="openvino", load="alone") == 40.0
    assert "engines, as measured on Some CPU: openvino 90 images/s, onnx 50 images/s" in caplog.text


def test_what_is_served_is_told(packed: Path, counts: _Counts) -> None:
    manifest, _ = load_unpacked(packed)
    count_start(Metrics("tiny", counts.registry), packed, manifest, "eager", torch.bfloat16)
    served = {"version": "1.0", "arch": manifest.card.architecture, "engine": "eager", "precision": "bfloat16"}
    assert counts("groupnl_build_info", **served, torch=torch.__version__, archive_sha256="") == 1


def test_a_mixed_batch(service: Service, counts: _Counts) -> None:
    good = Item({"body": encode(Image.fromarray(scene()), "JPEG")}, {})
    service.answer([good, Item({"body": b"no image"}, {}), good, Item({}, {})])
    assert counts("groupnl_requests_total", code="200") == 2
    assert counts("groupnl_requests_total", code="400") == 1
    assert counts("groupnl_requests_total", code="415") == 1
    assert counts("groupnl_rejected_inputs_total", reason="empty") == 1
    assert counts("groupnl_rejected_inputs_total", reason="unsupported_type") == 1
    assert counts("groupnl_batch_size_sum") == 4
    stages = {stage: counts("groupnl_stage_seconds_count", stage=stage) for stage in ("preprocess", "infer", "total")}
    assert stages == {"preprocess": 2, "infer": 1, "total": 1}


def test_who_dies_while_loading_has_begun(packed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under TorchServe nobody else counts such deaths."""
    metrics = worker_metrics("tiny")
    monkeypatch.setattr(loading, "worker_metrics", lambda _: metrics)
    with pytest.raises(ConfigError):
        load_service(packed, "tiny", {"handler": {"shadow": {"twin": "gone"}}})  # the last that is looked at
    value = metrics.registry.get_sample_value
    assert value("groupnl_worker_loads_total", {"model": "tiny"}) == 1
    assert value("groupnl_worker_starts_total", {"model": "tiny"}) == 0


def test_every_count_is_there_before_its_first_case(packed: Path, tmp_path: Path) -> None:
    """What is born with its first case looks to Prometheus as if it had always been so: the first failures are lost."""
    metrics = worker_metrics("tiny")
    ShadowCounts(metrics, "twin")
    AnswerCounts(metrics, ["cat", "dog"])
    TrafficCounts(metrics, CELLS, tiny_record())
    open_notes(packed, "tiny", ShadowConfig(), metrics, tmp_path)
    samples = [sample for family in metrics.registry.collect() for sample in family.samples]
    for family in set(FAMILIES) - _OF_A_CANDIDATE - {GPU_HALVINGS, GPU_UNRECORDED}:  # begun where a GPU is
        if family.kind == "counter":
            counted = [sample.value for sample in samples if sample.name == family.name]
            begun = int(family is WORKER_LOADS)
            assert set(counted) == {begun}, family.name
        elif family.kind == "histogram":
            assert [sample for sample in samples if sample.name == f"{family.name}_count"], family.name


def test_known_labels_start_at_zero() -> None:
    registry = worker_metrics("tiny").registry
    for error in input_errors():
        labels = {"model": "tiny", "reason": error.code}
        assert registry.get_sample_value("groupnl_rejected_inputs_total", labels) == 0
    assert registry.get_sample_value("groupnl_requests_total", {"model": "tiny", "code": "500"}) == 0
    assert registry.get_sample_value("groupnl_stage_seconds_count", {"model": "tiny", "stage": "infer"}) == 0


def test_the_offline_agreement_is_that_of_the_cells_in_use_and_the_accuracy_that_of_all(tmp_path: Path) -> None:
    fog = [Cell("fog", severity) for severity in (1, 2, 3)]
    record = offline_record(lambda cell: (cell.severity, 8 - cell.severity), fog)
    metrics = worker_metrics("tiny")
    set_offline_figures(metrics, tmp_path, CELLS)
    labels = {"model": "tiny", "corruption": "fog"}
    assert metrics.registry.get_sample_value("groupnl_offline_agreement_ratio", labels) is None
    write_record(record, tmp_path / ROBUSTNESS_FILE)
    set_offline_figures(metrics, tmp_path, ShadowConfig(severities=(1, 3)).cells())
    assert metrics.registry.get_sample_value("groupnl_offline_agreement_ratio", labels) == pytest.approx(0.8)
    cells = ({**CLEAN, "model": "tiny"}, {**labels, "severity": "2"})
    accuracies = [metrics.registry.get_sample_value("groupnl_offline_accuracy_ratio", cell) for cell in cells]
    assert accuracies == [0.9, 0.6]
