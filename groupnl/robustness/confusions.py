"""Which classes a network takes for one another, from its answers to labelled images."""

import torch
from torch import Tensor

# On average a network gives to images of either class so much of its probability to the other one.
MUTUAL = 0.1


def confused_classes(probabilities: Tensor, labels: Tensor) -> list[list[int]]:
    """Groups of classes that are confused with one another, both ways.

    Two classes are as alike as the smaller of two probabilities: that of the one, on average over the images of the
    other, and the other way round. Again and again the two most alike groups are joined, as long as their classes are
    alike by `MUTUAL` or more on average (average linkage). The same answers give the same groups.

    Args:
        probabilities: float32 of shape (N, classes), of clean images.
        labels: int64 of shape (N,), positions of their classes.

    Returns:
        Positions of classes, ascending; only groups of two or more. A class without images is in none.
    """
    count = probabilities.shape[1]
    images = torch.bincount(labels, minlength=count).clamp(min=1)
    given = torch.zeros(count, count, dtype=torch.float64).index_add(0, labels, probabilities.double())
    given = given / images[:, None]
    alike = torch.minimum(given, given.T)
    groups = [[position] for position in range(count)]
    while True:
        score, one, other = _most_alike(alike, groups)
        if score < MUTUAL:
            return [group for group in groups if len(group) > 1]
        groups[one] = sorted(groups[one] + groups.pop(other))


def _most_alike(alike: Tensor, groups: list[list[int]]) -> tuple[float, int, int]:
    """Two groups, the first of equals, and how alike they are; (0, 0, 0) where there is one group only."""
    member = torch.zeros(len(groups), len(alike), dtype=torch.float64)
    for place, group in enumerate(groups):
        member[place, group] = 1 / len(group)
    means = (member @ alike @ member.T).triu(diagonal=1)
    best = int(means.argmax())
    one, other = divmod(best, len(groups))
    return float(means.flatten()[best]), one, other
