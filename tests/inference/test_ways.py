"""groupnl.inference.ways: names, what is possible where, defaults."""

import importlib.util

import pytest
import torch

from groupnl.errors import ConfigError
from groupnl.inference import ways
from groupnl.inference.engines.table import engine_kind
from groupnl.inference.ways import REFERENCE, Way, parse_way, possible_ways, why_not

CPU, CUDA = torch.device("cpu"), torch.device("cuda", 0)


@pytest.mark.parametrize(
    ("name", "way"),
    [
        ("aot-bfloat16", Way(False, "aot", torch.bfloat16)),
        ("published-eager-float32", REFERENCE),
        ("published-onnx-float16", Way(True, "onnx", torch.float16)),
    ],
)
def test_names_of_ways(name: str, way: Way) -> None:
    assert parse_way(name) == way
    assert way.name == name


@pytest.mark.parametrize(
    "name", ["aot", "aot-int4", "jit-float32", "", "published", "published-aot", "aot-float32-x", "x-aot-float32"]
)
def test_what_is_no_way_is_told(name: str) -> None:
    with pytest.raises(ConfigError, match=f"'{name}' is no way to run a network: write ENGINE-PRECISION"):
        parse_way(name)


def test_runtimes() -> None:
    names = ["eager-float32", "compile-float32", "aot-float32", "onnx-float32", "openvino-float32"]
    assert [parse_way(name).runtime for name in names] == ["torch", "torch", "torch", "onnx", "openvino"]


@pytest.mark.parametrize(
    ("name", "device", "reason"),
    [
        ("published-aot-float32", CPU, "use published-compile"),
        ("onnx-bfloat16", CPU, "no bfloat16"),
        ("onnx-bfloat16", CUDA, "no bfloat16"),
        ("openvino-float32", CUDA, "--device cpu"),
        ("eager-float16", CPU, "needs a CUDA device"),
    ],
)
def test_what_is_not_possible_is_told_where_it_was_asked_for(name: str, device: torch.device, reason: str) -> None:
    assert reason in str(why_not(parse_way(name), device))
    with pytest.raises(ConfigError, match=f"{name} on {device}: .*{reason}"):
        possible_ways(["eager-float32", name], [], device)


@pytest.mark.parametrize(
    ("package", "left_out", "told"),
    [
        ("openvino", {"openvino-bfloat16"}, r"openvino is not installed: .*'\.\[openvino\]'"),
        *(
            (package, {"published-onnx-float32", "onnx-float32", "openvino-bfloat16"}, rf"{package} is .*'\.\[onnx\]'")
            for package in ("onnx", "onnxscript")  # both engines' files are written with them
        ),
    ],
)
def test_a_missing_package_leaves_its_engines_out_of_the_defaults(
    package: str, left_out: set[str], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ways, "choose_precision", lambda wanted, device: torch.bfloat16)
    all_names = [way.name for way in ways.speed_ways(CPU)]
    assert [way.name for way in possible_ways(None, ways.speed_ways(CPU), CPU)] == all_names
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == package else found(name))
    names = [way.name for way in possible_ways(None, ways.speed_ways(CPU), CPU)]
    assert names == [name for name in all_names if name not in left_out]
    with pytest.raises(ConfigError, match=told):
        possible_ways(["openvino-float32"], [], CPU)


@pytest.mark.parametrize(("device", "best"), [(CPU, torch.float32), (CPU, torch.bfloat16), (CUDA, torch.float16)])
def test_defaults_are_possible_and_have_no_way_twice(
    device: torch.device, best: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ways, "choose_precision", lambda wanted, device: best)
    monkeypatch.setattr(ways, "suitable_precisions", lambda device: tuple({torch.float32: None, best: None}))
    for defaults in (ways.speed_ways(device), ways.precision_ways(device)):
        found = possible_ways(None, defaults, device)
        assert len(set(found)) == len(found)
        assert {way.precision for way in found} == {torch.float32, best}
        assert {"eager", "aot", "onnx"} <= {way.engine for way in found}
        left_out = {way.engine for way in defaults if way not in found}
        assert all(engine_kind(engine).refusal(device, torch.float32) for engine in left_out)


def test_ways_that_were_asked_for_twice_come_once() -> None:
    assert len(possible_ways(["eager-float32", "eager-float32"], [], CPU)) == 1
