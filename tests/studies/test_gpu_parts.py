"""The parts of groupnl_studies.gpu, on a CPU with tiny networks: what they find, and that faults do not end them."""

import io
import json
import multiprocessing
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from support.waiting import until
from torch import Tensor, nn

from groupnl.errors import RewriteError
from groupnl.inference.engines.engine import Engine
from groupnl.inference.engines.fixed_sizes import Failures
from groupnl.inference.ways import Way
from groupnl.inference.workshop import Workshop
from groupnl.service.loading import load_service
from groupnl.service.shadow.runner import LocalRunner
from groupnl_studies.gpu import checks, corrupting, equality, graphs, handler, neighbour, priority, ratios
from groupnl_studies.gpu.child import findings_file
from groupnl_studies.gpu.findings import Findings, read_findings
from groupnl_studies.gpu.plan import make_plan
from groupnl_studies.gpu.runner import ROOT
from groupnl_studies.gpu.shadow import Shadow
from groupnl_studies.gpu.ways import loaded_ways, obstacles, other_compiled_ways, packaged_way, timed_ways
from groupnl_studies.models.pair import Pair

CPU = torch.device("cpu")
TINY = "test_gnl_efficientnet"


@pytest.fixture
def findings(tmp_path: Path) -> Findings:
    return Findings(findings_file(tmp_path, "equality"), 60.0, io.StringIO())


@pytest.fixture(autouse=True)
def settings_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "set_num_threads", lambda threads: None)


def test_findings_are_on_the_disk_at_once(tmp_path: Path) -> None:
    lines = io.StringIO()
    findings = Findings(tmp_path / "found.json", 60.0, lines)
    assert read_findings(tmp_path / "found.json") == {}
    findings.add("rows", {"a": 1})
    findings.left_out("no package")
    findings.not_reached("the last")
    assert findings.is_good
    with findings.trying("the third"):
        raise ValueError("wrong")
    assert not findings.is_good
    assert read_findings(tmp_path / "found.json") == {
        "figures": {"rows": [{"a": 1}]},
        "left_out": ["no package"],
        "not_reached": ["the last"],
        "problems": ["the third: ValueError: wrong"],
    }
    assert lines.getvalue().splitlines()[-1] == "problem: the third: ValueError: wrong"
    assert 0 < findings.left_s <= 60


def test_an_engine_that_fails_hides_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = Workshop.engine

    def engine(self: Workshop, way: Way, model: nn.Module, identity: str) -> Engine:
        if way.name == "eager-bfloat16":
            raise RuntimeError("no kernel image")
        return usual(self, way, model, identity)

    monkeypatch.setattr(Workshop, "engine", engine)
    ways = ("published-eager-float32", "eager-bfloat16", "eager-float32")
    first, second, third = equality.look_at(TINY, ways, 32, "cpu", tmp_path)
    assert (first["problem"], first["relative_error"], first["same_first_class"]) == (None, 0.0, equality.IMAGES)
    assert second["problem"] == "RuntimeError: no kernel image"
    assert 0 < third["relative_error"] < 1e-4


def test_what_is_right_is_known_to_the_parts_that_follow(
    tmp_path: Path, findings: Findings, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [
        {"network": TINY, "way": "aot-float32", "problem": None, "relative_error": 1e-6},
        {"network": TINY, "way": "onnx-float32", "problem": "RewriteError: no"},
    ]
    monkeypatch.setattr(equality, "in_a_process", lambda *_: rows)
    assert equality.computed_right(tmp_path) == set()
    equality._look(equality.Job(TINY, ("aot-float32", "onnx-float32"), 1.0), 32, "cpu", tmp_path, findings)
    assert equality.computed_right(tmp_path) == {(TINY, "aot-float32")}
    assert not findings.is_good


def test_what_takes_longer_than_is_left_is_not_begun(tmp_path: Path, findings: Findings) -> None:
    equality._look(equality.Job(TINY, ("aot-float32",), 1e6), 32, "cpu", tmp_path, findings)
    assert read_findings(findings_file(tmp_path, "equality"))["not_reached"] == [f"{TINY} in aot-float32"]


def test_a_network_is_timed_in_packages_only_where_its_twin_has_one_too() -> None:
    pair, package = Pair(TINY, "test_efficientnet"), timed_ways(CPU)[2].name
    both = {(network, package) for network in pair}
    assert [way.engine for way in ratios.ways_of(pair, CPU, both)] == ["eager", "eager", "aot"]
    assert [way.engine for way in ratios.ways_of(pair, CPU, {(TINY, package)})] == ["eager", "eager"]


def test_the_ways_are_those_that_the_device_has(monkeypatch: pytest.MonkeyPatch) -> None:
    names = {way.name for way in loaded_ways(CPU)}
    assert names >= {"published-eager-float32", "eager-float32", "eager-bfloat16", "onnx-float32"}
    assert not any("float16" in name.split("-") for name in names)
    assert [way.engine for way in packaged_way(CPU)] == ["aot"]
    assert {way.engine for way in other_compiled_ways(CPU)} == {"aot", "compile"}
    monkeypatch.setattr("shutil.which", lambda name: None)
    assert set(obstacles(CPU)) == {"aot", "compile"}
    assert packaged_way(CPU) == other_compiled_ways(CPU) == []


def test_on_a_gpu_all_fifteen_are_looked_at() -> None:
    plan = make_plan("cuda")
    assert len({pair.model for pair in plan.pairs}) == len(plan.pairs) == 15
    jobs = equality._jobs(plan, CPU)
    assert {job.network for job in jobs} == {network for pair in plan.pairs for network in pair}
    assert len({(job.network, way) for job in jobs for way in job.ways}) == sum(len(job.ways) for job in jobs)
    assert (plan.batches[0], plan.batches[-1]) == (1, 256)


@pytest.mark.parametrize("name", ["gaussian_noise", "jpeg_compression"])
def test_the_same_device_makes_the_same_pixels(name: str) -> None:
    images = torch.randint(0, 256, (6, 3, 32, 32), dtype=torch.uint8, generator=torch.manual_seed(0))
    row = corrupting.compare(name, images, CPU)
    assert (row["largest"], row["equal"]) == (0, 1.0)


def test_other_pixels_are_a_problem(findings: Findings) -> None:
    row = {"corruption": "fog", "largest": 2, "equal": 0.995, "ms": 1.0, "cpu_ms": 1.0}
    corrupting._judge({**row, "largest": 1}, findings)
    assert findings.is_good
    corrupting._judge(row, findings)
    assert not findings.is_good


class Ends:
    """An engine of which every class is as good."""

    def __call__(self, pixels: Tensor) -> Tensor:
        return torch.zeros(len(pixels), 3)

    def warm_up(self, max_batch: int) -> None:
        return


def test_a_shadow_works_while_the_live_network_is_timed() -> None:
    images = torch.zeros(2, 3, 32, 32, dtype=torch.uint8)
    shadow = Shadow(LocalRunner(Ends(), Ends(), CPU), Ends(), images)
    with shadow.running():
        latencies = priority.ask(Ends(), images, 0.05)
    assert len(latencies) >= 2
    assert shadow.answered >= 2
    assert shadow.seconds >= 0.05
    assert priority._summary([3.0, 1.0, 2.0]) == {"batches": 3, "p50_ms": 2.0, "p99_ms": pytest.approx(2.98)}


def test_a_neighbour_works_while_it_is_told_to_and_ends_with_its_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    images = torch.zeros(2, 3, 32, 32, dtype=torch.uint8)
    shadow = Shadow(LocalRunner(Ends(), Ends(), CPU), Ends(), images)
    monkeypatch.setattr(neighbour, "make_shadow", lambda device: shadow)
    monkeypatch.setattr(neighbour, "end_with_parent", lambda: None)
    here, there = multiprocessing.Pipe()
    thread = threading.Thread(target=neighbour._work, args=(there, "cpu"))  # what the other process does
    thread.start()
    assert here.recv() == (0, 0.0)
    for _ in range(2):
        here.send(True)
        until(lambda before=shadow.answered: shadow.answered > before)
        here.send(False)
        assert here.recv() == (shadow.answered, shadow.seconds)
    here.close()
    thread.join(10)
    assert not thread.is_alive()


def test_a_fault_of_the_shadow_is_told() -> None:
    class Faulty(LocalRunner):
        def run(self, batch: Any) -> Any:
            raise RuntimeError("CUDA error")

    images = torch.zeros(2, 3, 32, 32, dtype=torch.uint8)
    shadow = Shadow(Faulty(Ends(), None, CPU), Ends(), images)
    with pytest.raises(RuntimeError, match="CUDA error"), shadow.running():
        pass


class Scaled(Ends):
    """An engine that is off by a factor."""

    def __init__(self, factor: float) -> None:
        self.factor = factor
        self.warmed_up: list[int] = []

    def __call__(self, pixels: Tensor) -> Tensor:
        return pixels.float().mean(dim=(2, 3)) * self.factor

    def warm_up(self, max_batch: int) -> None:
        self.warmed_up.append(max_batch)


def test_batches_are_timed_as_they_are_prepared_and_recorded(findings: Findings, tmp_path: Path) -> None:
    plan, way = replace(make_plan("cpu"), graph_batches=(1, 3), turn_s=0.0), Way(False, "eager", torch.float32)
    images = torch.randint(0, 256, (3, 3, 8, 8), dtype=torch.uint8, generator=torch.manual_seed(0))
    plain, recording = Scaled(1.0), Scaled(1.0)
    graphs.compare(graphs.Case(TINY, way, plain, recording), images, plan, CPU, findings)
    assert plain.warmed_up == recording.warmed_up == [3]
    found = read_findings(findings_file(tmp_path, "equality"))["figures"]
    assert [row["batch"] for row in found["rows"]] == [1, 3]
    assert all(row[name] > 0 for row in found["rows"] for name in ("usual_ms", "prepared_ms", "recorded_ms"))
    with pytest.raises(RewriteError, match=r"relative error of 0\.5"):
        graphs.compare(graphs.Case(TINY, way, plain, Scaled(1.5)), images, plan, CPU, findings)


def test_sizes_that_could_not_be_recorded_are_a_problem(findings: Findings, monkeypatch: pytest.MonkeyPatch) -> None:
    failures = Failures()
    monkeypatch.setattr(graphs, "FAILURES", failures)
    monkeypatch.setattr(Scaled, "warm_up", lambda self, max_batch: failures.add())
    plan, way = replace(make_plan("cpu"), graph_batches=(1,), turn_s=0.0), Way(False, "eager", torch.float32)
    images = torch.full((1, 3, 8, 8), 7, dtype=torch.uint8)
    graphs.compare(graphs.Case(TINY, way, Scaled(1.0), Scaled(1.0)), images, plan, CPU, findings)
    assert not findings.is_good


def test_the_whole_handler_is_asked(packed: Path, findings: Findings, tmp_path: Path) -> None:
    settings = {"handler": {"device": "cpu", "shadow": {"share": 0.0}}}
    service = load_service(packed, "tiny", settings, batch_size=2)
    plan = replace(make_plan("cpu"), served_batches=(1, 2), served_s=0.01)
    file = (ROOT / "docs" / "sample.png").read_bytes()
    handler._ask(service, "eager", [file], plan, findings)
    rows = read_findings(findings_file(tmp_path, "equality"))["figures"]["rows"]
    assert [row["batch"] for row in rows] == [1, 2]
    assert all(row["images_s"] > 0 and row["preparing_ms"] > 0 and row["computing_ms"] > 0 for row in rows)
    with pytest.raises(Exception, match="status 415"):
        handler._ask(service, "eager", [b"no image"], plan, findings)


def test_the_tests_for_cuda_are_found() -> None:
    names = {file.name for file in checks.files_for_cuda(ROOT / "tests")}
    ours = {"test_device.py", "test_engine.py", "test_graphs_on_cuda.py", "test_onnx_engine.py", "test_onnx_cuda.py"}
    assert names == {*ours, "test_corrupt.py"}


def test_what_became_of_each_test(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text(
        '<testsuites><testsuite><testcase classname="a" name="good"/>'
        '<testcase classname="a" name="bad"><failure message="no"/></testcase>'
        '<testcase classname="b" name="away"><skipped/></testcase></testsuite></testsuites>'
    )
    assert checks.outcomes(report) == {"a::good": "passed", "a::bad": "failed", "b::away": "skipped"}
    assert json.dumps(checks.outcomes(report))
