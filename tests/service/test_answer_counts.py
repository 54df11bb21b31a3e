"""groupnl.service.answer_counts: confidence, entropy and classes of live answers, computed another way."""

import math

import pytest
import torch
from prometheus_client import CollectorRegistry
from support.shadows import Count

from groupnl.metrics import CONFIDENCE, Metrics
from groupnl.service.answer_counts import AnswerCounts

CLASSES = ("red", "green", "blue", "round", "square")


def test_sums_and_buckets(registry: CollectorRegistry, count: Count) -> None:
    logits = torch.randn(50, 5, generator=torch.Generator().manual_seed(0)) * 3
    AnswerCounts(Metrics("tiny", registry), CLASSES, ["red", "blue"]).add(logits, [False] * 50)

    probabilities = logits.double().softmax(dim=1)
    confidence = probabilities.amax(dim=1)
    entropy = -(probabilities * probabilities.log()).sum(dim=1) / math.log(5)
    assert count("groupnl_confidence_count") == count("groupnl_entropy_ratio_count") == 50
    assert count("groupnl_confidence_sum") == pytest.approx(confidence.sum().item(), rel=1e-5)
    assert count("groupnl_entropy_ratio_sum") == pytest.approx(entropy.sum().item(), rel=1e-5)
    for bound in CONFIDENCE.buckets:
        assert count("groupnl_confidence_bucket", le=str(bound)) == (confidence <= bound).sum()
    best = [CLASSES[place] for place in probabilities.argmax(dim=1)]
    assert count("groupnl_predicted_total", **{"class": "red"}) == best.count("red")
    others = 50 - best.count("red") - best.count("blue")
    assert count("groupnl_predicted_total", **{"class": "other"}) == others > 0


@pytest.mark.parametrize("logit", [math.nan, math.inf, -math.inf])
def test_what_is_no_answer_is_not_counted(registry: CollectorRegistry, count: Count, logit: float) -> None:
    answers = AnswerCounts(Metrics("tiny", registry), CLASSES)
    logits = torch.zeros(3, 5)
    logits[1, 2] = logit
    logits[2, 1] = 1.0
    answers.add(logits, [True, False, False])  # the first is the service's own
    assert count("groupnl_confidence_count") == count("groupnl_entropy_ratio_count") == 1
    assert count("groupnl_predicted_total") == count("groupnl_predicted_total", **{"class": "green"}) == 1


def test_an_answer_that_is_sure_or_knows_nothing_is_in_a_bucket(registry: CollectorRegistry, count: Count) -> None:
    answers = AnswerCounts(Metrics("tiny", registry), [f"class {number}" for number in range(1000)])
    answers.add(torch.zeros(1, 1000), [False])
    answers.add(torch.eye(1, 1000) * 300, [False])
    for name in ("groupnl_confidence", "groupnl_entropy_ratio"):
        assert count(f"{name}_bucket", le="0.1") == 1
        assert count(f"{name}_bucket", le="1.0") == 2
    assert count("groupnl_predicted_total") == count("groupnl_predicted_total", **{"class": "other"}) == 2


def test_one_class_only(registry: CollectorRegistry, count: Count) -> None:
    AnswerCounts(Metrics("tiny", registry), ["thing"]).add(torch.zeros(1, 1), [False])
    assert count("groupnl_entropy_ratio_sum") == 0
    assert count("groupnl_confidence_sum") == 1
