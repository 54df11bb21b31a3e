"""groupnl.robustness.confusions: classes that a network takes for one another, both ways."""

import torch
from torch import Tensor

from groupnl.robustness.confusions import confused_classes


def _answers(given: list[list[float]], images: int = 4) -> tuple[Tensor, Tensor]:
    """To so many images of each class the same probabilities, its row."""
    labels = torch.arange(len(given)).repeat_interleave(images)
    return torch.tensor(given)[labels], labels


def test_classes_that_are_confused_both_ways_belong_together() -> None:
    answers = _answers(
        [
            [0.7, 0.2, 0.1, 0.0, 0.0],
            [0.3, 0.6, 0.0, 0.1, 0.0],
            [0.0, 0.0, 0.9, 0.0, 0.1],
            [0.5, 0.1, 0.0, 0.4, 0.0],  # is taken for 0, which is never taken for it
            [0.0, 0.0, 0.2, 0.0, 0.8],
        ]
    )
    assert confused_classes(*answers) == [[0, 1], [2, 4]]


def test_three_in_a_chain_are_joined_while_all_are_alike_on_average() -> None:
    chain = [[0.6, 0.2, 0.0], [0.2, 0.6, 0.2], [0.0, 0.1, 0.9]]
    assert confused_classes(*_answers(chain)) == [[0, 1]]  # 2 is alike to 1 by 0.1, to 0 not at all
    close = [[0.6, 0.2, 0.1], [0.2, 0.5, 0.3], [0.1, 0.2, 0.7]]
    assert confused_classes(*_answers(close)) == [[0, 1, 2]]


def test_a_network_that_is_sure_confuses_nothing() -> None:
    assert confused_classes(*_answers(torch.eye(4).tolist())) == []


def test_a_class_without_images_is_alone() -> None:
    probabilities = torch.tensor([[0.5, 0.2, 0.3], [0.3, 0.4, 0.3]])
    assert confused_classes(probabilities, torch.tensor([0, 1])) == [[0, 1]]
