"""groupnl.server.labels.body: the forms in which labels come, and what is refused before they are looked at."""

import json
import time
from typing import Any

import pytest

from groupnl.errors import BodyTooLargeError, ContentError, JsonError, RefusedError
from groupnl.server.labels.body import MOST_LABELS, LateLabel, as_label, read_labels

ONE, TWO = ({"model": "tiny", "key": key, "label": "red"} for key in "ab")


@pytest.mark.parametrize(
    "body",
    [
        json.dumps([ONE, TWO]),
        json.dumps([ONE, TWO], indent=2),
        json.dumps({"labels": [ONE, TWO]}),
        json.dumps({"labels": [ONE, TWO]}, indent=2),
        f"{json.dumps(ONE)}\n{json.dumps(TWO)}",
        f"\r\n{json.dumps(ONE)}\r\n\r\n{json.dumps(TWO)}\r\n",
    ],
)
def test_forms(body: str) -> None:
    assert read_labels(body.encode()) == [ONE, TWO]


@pytest.mark.parametrize("indent", [None, 1])
def test_one_label_needs_no_list(indent: int | None) -> None:
    assert read_labels(json.dumps(ONE, indent=indent).encode()) == [ONE]


@pytest.mark.parametrize(
    ("body", "error", "words"),
    [
        ("", JsonError, "no JSON"),
        ("model,key,label", JsonError, "no JSON"),
        ("[NaN]", JsonError, "NaN is not JSON"),
        ('{"key": 1, "key": 2}', JsonError, "stands twice"),
        ("[" * 50_000, JsonError, "nested too deeply"),
        ("[]", ContentError, "no label"),
        ('{"labels": 3}', ContentError, "must be a list, not a number"),
        ('"a"', ContentError, "must be a list, not a string"),
        (f"{json.dumps(ONE)}\n{{", JsonError, "Line 2: The body is no JSON"),
        (f"{json.dumps(ONE)}\n{json.dumps(ONE)[:-1]}", JsonError, "Line 2"),
        ("[" + "0," * MOST_LABELS + "0]", BodyTooLargeError, "10001 labels"),
        ("{}\n" * (MOST_LABELS + 1), BodyTooLargeError, "10001 labels"),
    ],
)
def test_what_holds_no_labels_is_refused(body: str, error: type[RefusedError], words: str) -> None:
    with pytest.raises(error, match=words):
        read_labels(body.encode())


def test_not_utf8() -> None:
    with pytest.raises(JsonError, match="not UTF-8"):
        read_labels(b'[{"model": "\xff"}]')


@pytest.mark.parametrize("label", ["red", "2", 2])
def test_a_label(label: object) -> None:
    assert as_label({**ONE, "label": label}) == LateLabel("tiny", "a", label)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "content",
    [
        None,
        [],
        3,
        {"model": "tiny", "key": "a"},
        {**ONE, "more": 1},
        {**ONE, "model": None},
        {**ONE, "key": 7},
        {**ONE, "label": True},
        {**ONE, "label": 1.5},
        {**ONE, "label": ["red"]},
    ],
)
def test_what_is_no_label(content: Any) -> None:
    with pytest.raises(RefusedError):
        as_label(content)


def test_the_largest_request_is_read_soon() -> None:
    body = "\n".join(json.dumps(ONE) for _ in range(MOST_LABELS)).encode()
    begun = time.process_time()
    assert len(read_labels(body)) == MOST_LABELS
    assert time.process_time() - begun < 5
