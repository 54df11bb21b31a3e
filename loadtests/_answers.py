"""Is an answer right? Not only its status: the JSON, the probabilities, and that they are those of this very image."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, NamedTuple

TOP_K = 5
# Probabilities are rounded when they are printed, and their sum with them.
SUM_SLACK = 1e-3
# How far a probability may move when the same image comes in another batch, in bfloat16. The best class may change
# where the two best lie closer than twice this; an answer that belongs to another image is farther off.
DRIFT = 0.1

Probabilities = Mapping[str, float]


class Refusal(NamedTuple):
    """The status and the error code that a request must be refused with."""

    status: int
    code: str


def prediction_fault(body: bytes | None, reference: Probabilities | None = None) -> str | None:
    """What is wrong with the body of an answer 200; None if nothing.

    Args:
        body: as received.
        reference: the same model's answer to the same image when nothing else was asked.
    """
    answer = _read(body)
    if not isinstance(answer, dict):
        return f"answer is no JSON object: {_start(body)}"
    if (fault := _probability_fault(answer)) or reference is None:
        return fault
    drift = max(_difference(answer, name, value) for name, value in reference.items())
    if drift > DRIFT:
        return f"answer is another one than alone: a probability differs by {drift:.2f}, {DRIFT} is allowed"
    return None


def refusal_fault(status: int, body: bytes | None, expected: tuple[Refusal, ...]) -> str | None:
    """What is wrong with the answer to a request that must be refused; None if nothing."""
    wanted = " or ".join(f"{refusal.status} {refusal.code}" for refusal in expected)
    answer = _read(body)
    if not isinstance(answer, dict) or not isinstance(answer.get("code"), str):
        return f"status {status} without a code, not {wanted}: {_start(body)}"
    if Refusal(status, answer["code"]) not in expected:
        return f"answer is {status} {answer['code']}, not {wanted}"
    message = answer.get("message")
    if not isinstance(message, str) or not message.strip():
        return f"refused with {status} {answer['code']}, but without a message"
    return None


def status_fault(status: int, body: bytes | None) -> str | None:
    """What is wrong if a prediction was wanted and came with this status; None for 200."""
    if status == HTTPStatus.OK:
        return None
    return f"no answer: {_start(body)}" if status == 0 else f"status {status}: {_start(body)}"


def read_prediction(body: bytes | None) -> Probabilities:
    """Class -> probability.

    Raises:
        ValueError: the body is no right answer; the text says why.
    """
    if fault := prediction_fault(body):
        raise ValueError(fault)
    answer: Probabilities = json.loads(body or b"")
    return answer


def _probability_fault(answer: dict[str, Any]) -> str | None:
    if len(answer) != TOP_K:
        return f"answer has {len(answer)} classes, not {TOP_K}"
    values = list(answer.values())
    if any(isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1 for value in values):
        return f"answer has a value that is no probability: {values}"
    if values != sorted(values, reverse=True):
        return f"answer is not sorted: {values}"
    if sum(values) > 1 + SUM_SLACK:
        return f"probabilities add up to {sum(values):.4f}"
    return None


def _difference(answer: Probabilities, name: str, value: float) -> float:
    """How far a class's probability moved, at least: one that is not among the best five has less than the fifth."""
    return abs(answer[name] - value) if name in answer else max(value - min(answer.values()), 0.0)


def _read(body: bytes | None) -> Any:
    try:
        return json.loads(body or b"")
    except ValueError:
        return None


def _start(body: bytes | None) -> str:
    """The beginning of a body, in one line and without numbers that differ each time."""
    return " ".join((body or b"(empty body)")[:120].decode("utf-8", "replace").split())
