import json

import pytest

from loadtests._answers import Refusal, prediction_fault, read_prediction, refusal_fault, status_fault

RIGHT = {"cat": 0.6, "dog": 0.2, "bird": 0.1, "fish": 0.05, "bee": 0.01}
EMPTY = Refusal(400, "empty")


def fault(answer: object, reference: dict[str, float] | None = None) -> str | None:
    return prediction_fault(json.dumps(answer).encode(), reference)


def test_a_right_answer_has_no_fault():
    assert fault(RIGHT) is None
    assert fault(RIGHT, RIGHT) is None
    assert read_prediction(json.dumps(RIGHT).encode()) == RIGHT


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ([], "no JSON object"),
        ("cat", "no JSON object"),
        ({"cat": 0.6}, "1 classes, not 5"),
        (RIGHT | {"ant": 0.001}, "6 classes, not 5"),
        (RIGHT | {"cat": 0.1}, "not sorted"),
        (RIGHT | {"cat": 1.5}, "no probability"),
        (RIGHT | {"bee": -0.1}, "no probability"),
        (RIGHT | {"bee": float("nan")}, "no probability"),
        (RIGHT | {"cat": True}, "no probability"),
        (RIGHT | {"cat": "0.6"}, "no probability"),
        (RIGHT | {"cat": 0.9}, "add up to 1.26"),
    ],
)
def test_a_wrong_answer_says_what_is_wrong(answer, sentence):
    found = fault(answer)
    assert found is not None
    assert sentence in found


@pytest.mark.parametrize("body", [None, b"", b"<html>", b"\xff\xfe"])
def test_a_body_that_is_no_json(body):
    assert "no JSON object" in (prediction_fault(body) or "")
    with pytest.raises(ValueError, match="no JSON object"):
        read_prediction(body)


def test_probabilities_may_drift_a_little():
    assert fault(RIGHT | {"cat": 0.55, "dog": 0.25}, RIGHT) is None
    # The two best may change places where they lie close together.
    assert fault({"dog": 0.31, "cat": 0.3} | {"a": 0.1, "b": 0.1, "c": 0.1}, {"cat": 0.33, "dog": 0.29}) is None


@pytest.mark.parametrize("reference", [{"cat": 0.8}, {"horse": 0.2}, {"bee": 0.3, "cat": 0.6}])
def test_another_answer_than_alone_is_a_fault(reference):
    assert "another one than alone" in (fault(RIGHT, reference) or "")


def test_a_class_below_the_fifth_may_have_less():
    assert fault(RIGHT, {"horse": 0.1}) is None


def test_refusals():
    right = json.dumps({"code": "empty", "message": "There are no bytes."}).encode()
    assert refusal_fault(400, right, (EMPTY,)) is None
    assert refusal_fault(400, right, (Refusal(413, "too_large"), EMPTY)) is None
    assert refusal_fault(413, right, (EMPTY,)) == "answer is 413 empty, not 400 empty"
    assert refusal_fault(400, right, (Refusal(400, "undecodable"),)) == "answer is 400 empty, not 400 undecodable"


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "without a code"),
        (b'{"code": 503, "message": "busy"}', "without a code"),
        (b'{"code": "empty"}', "without a message"),
        (b'{"code": "empty", "message": " "}', "without a message"),
        (json.dumps(RIGHT).encode(), "without a code"),
    ],
)
def test_a_refusal_needs_code_and_message(body, sentence):
    assert sentence in (refusal_fault(400, body, (EMPTY,)) or "")


def test_statuses():
    assert status_fault(200, b"") is None
    assert status_fault(503, b"full") == "status 503: full"
