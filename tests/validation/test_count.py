"""groupnl.validation.count: right answers where only some classes may be answered, and where several are right."""

import pytest
import torch

from groupnl.validation.count import confidence, hits

LOGITS = torch.tensor([[7.0, 6, 5, 4, 3, 2, 1]]).expand(7, -1)


def test_classes_that_may_not_be_answered_are_left_out() -> None:
    first, among = hits(LOGITS, torch.arange(7), answers=(1, 4, 6))
    assert first.tolist() == [False, True, False, False, False, False, False]
    assert among.tolist() == [False, True, False, False, True, False, True]  # of three classes all are among five
    assert confidence(LOGITS, (2, 3)).tolist() == pytest.approx([1 / (1 + torch.exp(torch.tensor(-1.0)).item())] * 7)


def test_any_of_several_classes_is_right() -> None:
    labels = torch.tensor([[0, -1, -1], [3, 0, -1], [3, 2, 5], [5, 6, -1]])
    first, among = hits(LOGITS[:4], labels)
    assert first.tolist() == [True, True, False, False]
    assert among.tolist() == [True, True, True, False]


def test_confidence_is_the_best_probability() -> None:
    logits = torch.log(torch.tensor([[0.1, 0.7, 0.2], [0.25, 0.25, 0.5]]))
    assert confidence(logits).tolist() == pytest.approx([0.7, 0.5])
