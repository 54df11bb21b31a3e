"""`groupnl study engines`: its figures, its tables, what it does not measure again, and the quota."""

import os
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from groupnl.archive.speed.machine import Machine
from groupnl.base.environment import packages_from
from groupnl.cli import main
from groupnl.inference.engine_names import EngineName
from groupnl_studies.engines import command, narrow_onnxruntime
from groupnl_studies.engines.figures import choice, misses, over_twin
from groupnl_studies.engines.narrow_onnxruntime import PACKAGE, without_avx512
from groupnl_studies.engines.rates import NetworkRates, PairRates, Rates, Settings, Way
from groupnl_studies.engines.run import shapes, timed
from groupnl_studies.engines.table import tables
from groupnl_studies.harness.quota import quota, why_no_quota

SETTINGS = Settings(
    size=224, batch=8, workers=2, rounds=2, seconds=0.5, loads=("alone", "beside", "lowest", "quota"), quota=1.5
)
SPIN = "import time\nuntil = time.monotonic() + 0.6\nwhile time.monotonic() < until: pass\nprint(time.process_time())"


def rates(served: float, other: float, beside: float) -> Rates:
    """Two rounds; in the second one everything takes twice as long."""
    left = {"alone": 1.0, "beside": beside, "lowest": 0.6, "quota": 0.7}
    return {
        load: {
            "aot as served": [served * share, served * share / 2],
            "onnx 2 x 1": [other * share, other * share / 2],
        }
        for load, share in left.items()
    }  # type: ignore[return-value]  # its keys are loads


def network(name: str, served: float, other: float, beside: float = 0.5) -> NetworkRates:
    return NetworkRates(
        network=name,
        ranking=("aot", "onnx"),
        left_out={},
        full=rates(served, other, beside),
        lone=rates(served / 2, served / 4, beside),
    )


def pair(model: NetworkRates, twin: NetworkRates) -> PairRates:
    return PairRates(machine=Machine.here(), settings=SETTINGS, model=model, twin=twin, others=0.0)


def test_the_choice_is_compared_with_the_fastest_way_inside_rounds() -> None:
    found = choice(network("a", 90, 100), network("a", 90, 100).full)
    assert (found.way, found.fastest) == ("aot as served", "onnx 2 x 1")
    assert found.share == pytest.approx((0.9, 0.9, 0.9))
    assert found.left["beside"].median == pytest.approx(0.5)
    assert found.left["quota"].median == pytest.approx(0.7)


def test_what_misses_an_aim_is_told() -> None:
    found = misses(pair(network("a", 90, 100), network("b", 100, 100, beside=0.4)))
    assert found == [
        "a, full batches: aot as served has 0.90 of onnx 2 x 1 (at least 0.95 is wanted)",
        "b, full batches: beside a busy program aot as served has 0.40 of alone (at least 0.45 is wanted)",
        "b, single images: beside a busy program aot as served has 0.40 of alone (at least 0.45 is wanted)",
    ]


def test_both_of_a_pair_run_in_their_own_fastest_way() -> None:
    assert over_twin(pair(network("a", 90, 120), network("b", 100, 80))).median == pytest.approx(1.2)


def test_the_tables_have_every_network_once() -> None:
    twin = network("b", 100, 100)
    text = tables([pair(network("a", 100, 100), twin), pair(network("c", 100, 100), twin)])
    assert text.count("| b | aot |") == 2  # full batches, and single images
    assert "| a | b | 1.00 (1.00-1.00) |" in text
    assert "| c | onnx 2 x 1 | 75.0 | 37.5 | 45.0 | 52.5 |" in text
    assert text.endswith("Every aim is reached.")


def test_names_of_ways() -> None:
    assert Way("aot", 2, None).name == "aot as served"
    assert Way("onnx", 2, 1).name == "onnx 2 x 1"


@pytest.mark.parametrize(
    ("ranking", "expected"),
    [
        (["aot", "onnx", "eager"], ["aot", "onnx"]),
        (["eager", "onnx", "aot"], ["eager", "onnx", "aot"]),
        (["eager"], ["eager"]),
    ],
)
def test_the_chosen_engine_is_always_timed(ranking: list[EngineName], expected: list[EngineName]) -> None:
    assert timed(ranking) == expected


@pytest.mark.parametrize(
    ("processes", "cores", "expected"),
    [(2, 2, [(2, None), (1, 2), (2, 1)]), (1, 2, [(1, None), (1, 2), (1, 1)]), (1, 1, [(1, None), (1, 1)])],
)
def test_shapes(processes: int, cores: int, expected: list[tuple[int, int | None]]) -> None:
    assert shapes(processes, cores) == expected


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The pairs that were measured, which takes no time here."""
    names: list[str] = []

    def in_a_process(_: Callable[..., PairRates], name: str, twin: str, settings: Settings, *rest: Any) -> PairRates:
        names.append(name)
        found = pair(network(name, 90, 100), network(twin, 100, 100))
        return found.model_copy(update={"settings": settings})

    monkeypatch.setattr(command, "in_a_process", in_a_process)
    monkeypatch.setattr(command, "why_no_quota", lambda: None)
    return names


def test_pairs_that_are_known_are_not_measured_again(
    measured: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["study", "engines", "--out", str(tmp_path), "--networks", "gnl_resnet50"]
    assert main([*words, "mobilenetv2_gnl_100"]) == 0
    assert main([*words, "efficientnet_gnl_b0"]) == 0
    assert measured == ["gnl_resnet50", "mobilenetv2_gnl_100", "efficientnet_gnl_b0"]
    assert main([*words, "--rounds", "1"]) == 0  # other settings
    assert measured[-1] == "gnl_resnet50"
    assert "of the fastest" in (tmp_path / command.TABLE_FILE).read_text()
    assert "gnl_resnet50" in capsys.readouterr().out


def test_another_cpu_is_played_by_variables(
    measured: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ONEDNN_MAX_CPU_ISA", "ATEN_CPU_CAPABILITY"):
        monkeypatch.setenv(name, "")  # so that it is restored
    assert main(["study", "engines", "--out", str(tmp_path), "--networks", "gnl_resnet50", "--isa", "avx2"]) == 0
    assert (os.environ["ONEDNN_MAX_CPU_ISA"], os.environ["ATEN_CPU_CAPABILITY"]) == ("AVX2", "avx2")


def test_what_is_no_groupnl_network_is_refused(measured: list[str], tmp_path: Path) -> None:
    assert main(["study", "engines", "--out", str(tmp_path), "--networks", "resnet50"]) == 1
    assert not measured


def test_a_quota_holds_and_leaves_nothing() -> None:
    if reason := why_no_quota():
        pytest.skip(reason)
    with subprocess.Popen([sys.executable, "-c", SPIN], stdout=subprocess.PIPE, text=True) as process:
        with quota(0.2, [process.pid]):
            group = Path(f"/proc/{process.pid}/cgroup").read_text()
            used = float(process.communicate()[0])
        assert "groupnl-quota" in group
        assert used < 0.4  # of 0.6 s, its start aside
    assert why_no_quota() is None


MULTIPLY = """
import numpy, onnx, onnxruntime
from onnx import TensorProto, helper
shapes = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [64, 64]) for name in "xy"]
graph = helper.make_graph([helper.make_node("MatMul", ["x", "x"], ["y"])], "square", shapes[:1], shapes[1:])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
x = numpy.random.default_rng(0).random((64, 64), numpy.float32)
numpy.testing.assert_allclose(session.run(None, {"x": x})[0], x @ x, rtol=1e-5)
print(onnxruntime.__file__)
"""


def test_onnx_runtime_can_do_without_avx512(tmp_path: Path) -> None:
    pytest.importorskip(PACKAGE)
    home = Path(find_spec(PACKAGE).origin).parent  # type: ignore[union-attr, arg-type]
    assert without_avx512(tmp_path)
    changed = [file for file in (tmp_path / PACKAGE).rglob("*") if file.is_file() and not file.is_symlink()]
    (usual,) = (home / file.relative_to(tmp_path / PACKAGE) for file in changed)
    pairs = zip(usual.read_bytes(), changed[0].read_bytes(), strict=True)
    assert {(before, after) for before, after in pairs if before != after} == {(0xE0, 0xFF)}
    with packages_from(tmp_path):
        ran = subprocess.run([sys.executable, "-c", MULTIPLY], capture_output=True, text=True, check=True)
    assert Path(ran.stdout.strip()).parent == tmp_path / PACKAGE
    assert str(tmp_path) not in sys.path


def test_it_says_where_that_cannot_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(narrow_onnxruntime, "PACKAGE", "no_such_package")
    assert not without_avx512(tmp_path)
    assert not list(tmp_path.iterdir())
