"""Whatever a body holds, it is answered or refused, and never a fault of ours."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.front import Front

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)
SHAPES = st.lists(st.integers(-1, 4) | st.sampled_from([2**31, 2**63 - 1, 2**63, 2**70]), max_size=5)
NAMES = st.sampled_from(["errors", "probabilities", "x", ""])
INPUTS = st.fixed_dictionaries(
    {
        "name": NAMES,
        "datatype": st.sampled_from(["BYTES", "UINT8", "FP32", ""]),
        "shape": SHAPES | st.just([1]) | st.just([1, 1, 1, 3]),
    },
    optional={
        "data": VALUES | st.lists(st.integers(-1, 256), max_size=9) | st.just([""]) | st.just([1, 2, 3]),
        "parameters": VALUES | st.fixed_dictionaries({"binary_data_size": st.integers(-1, 12)}),
    },
)
OUTPUTS = st.fixed_dictionaries(
    {"name": NAMES},
    optional={"parameters": VALUES | st.fixed_dictionaries({"classification": st.integers(-1, 2**70)})},
)
REQUESTS = st.fixed_dictionaries(
    {"inputs": st.lists(INPUTS | VALUES, max_size=2)},
    optional={"outputs": st.lists(OUTPUTS | VALUES, max_size=3), "parameters": VALUES, "id": VALUES},
)
INSTANCES = st.fixed_dictionaries({"b64": VALUES | st.just("AAAA")}) | VALUES


def _assert_answered(path: str, body: bytes, headers: dict[str, str]) -> None:
    answer = Front().ask("POST", path, content=body, headers=headers)
    assert answer.status_code in {200, 400, 413, 415, 422}, answer.text
    if answer.status_code != 200:
        assert len(answer.json()["message"]) < 400


@settings(deadline=None, max_examples=150)
@given(st.lists(INSTANCES, max_size=4) | VALUES)
def test_v1(instances: Any) -> None:
    _assert_answered("/v1/models/owls:predict", json.dumps({"instances": instances}).encode(), {})


@settings(deadline=None, max_examples=300)
@given(REQUESTS, st.binary(max_size=12), st.integers(-3, 3) | st.none())
def test_v2(request: Any, rest: bytes, wrong: int | None) -> None:
    text = json.dumps(request).encode()
    headers = {} if wrong is None else {"Inference-Header-Content-Length": str(len(text) + min(wrong, 0) * 2 // 3)}
    _assert_answered("/v2/models/owls/infer", text + (b"" if wrong is None else rest), headers)


@pytest.mark.parametrize("path", ["/v1/models/owls:predict", "/v2/models/owls/infer"])
@settings(deadline=None, max_examples=100)
@given(st.binary(max_size=60) | st.text(max_size=40).map(lambda text: json.dumps(text).encode()))
def test_what_is_no_object(path: str, body: bytes) -> None:
    _assert_answered(path, body, {})
