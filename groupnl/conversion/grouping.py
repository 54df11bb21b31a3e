"""Which channels share a seed: those that lose least when all of them become straight lines of one map."""

import torch
from torch import Tensor

from groupnl.errors import ConfigError

_ROUNDS = 200  # of exchanges, each of many pairs


def group_channels(covariance: Tensor, size: int) -> Tensor:
    """Put channels into groups of which one map each can say most.

    Pairs first, then pairs of those, each standing for its members' first principal component.

    Args:
        covariance: of the channels, weighted by what each is worth: (m, m).
        size: of a group, a power of two.

    Returns:
        (m / size, size), numbers of the channels of each group.

    Raises:
        ConfigError: groups of another size.
    """
    if size & (size - 1):
        raise ConfigError(f"the layers to be fitted make {size} maps of each seed: only 2, 4, 8 ... can be fitted")
    groups = torch.arange(len(covariance)).unsqueeze(1)
    covariance = covariance.double()
    while groups.shape[1] < size:
        pairs = pair_channels(covariance)
        groups = groups[pairs].flatten(1)
        covariance = _of_components(covariance, pairs)
    return groups


def pair_channels(covariance: Tensor) -> Tensor:
    """Pairs of channels with the smallest sum of what is lost: (m / 2, 2).

    What a pair loses is the smaller eigenvalue of its covariance. The strongest channel begins with the weakest, and so
    on; then pairs exchange members as long as that helps.
    """
    lost = pair_losses(covariance)
    order = covariance.diagonal().argsort(descending=True)
    half = len(order) // 2
    first, second = order[:half].clone(), order[half:].flip(0).clone()
    for _ in range(_ROUNDS):
        if not _exchange(lost, first, second):
            break
    return torch.stack([first, second], 1)


def pair_losses(covariance: Tensor) -> Tensor:
    """The smaller eigenvalue of the covariance of each two channels: (m, m)."""
    variance = covariance.diagonal()
    total, difference = variance.unsqueeze(1) + variance, variance.unsqueeze(1) - variance
    return (total - (difference.square() + 4 * covariance.square()).sqrt()) / 2


def _exchange(lost: Tensor, first: Tensor, second: Tensor) -> bool:
    """Exchange members between pairs, of each pair with one other at most, in place; whether any did."""
    now = lost[first, second]
    both = now.unsqueeze(1) + now
    likes = lost[first][:, first] + lost[second][:, second]  # first with first
    across = lost[first][:, second]
    crossed = across + across.T  # first with the other's second
    gain = both - torch.minimum(likes, crossed)
    gain.fill_diagonal_(0)
    best, partner = gain.max(1)
    least = 1e-9 * float(lost.diagonal().abs().sum() + now.sum() + torch.finfo(torch.float64).tiny)
    taken: set[int] = set()
    for one in best.argsort(descending=True).tolist():
        other = int(partner[one])
        if best[one] <= least:
            break
        if one in taken or other in taken:
            continue
        taken |= {one, other}
        if crossed[one, other] <= likes[one, other]:
            second[[one, other]] = second[[other, one]]
        else:
            kept = second[one].clone()
            second[one], first[other] = first[other].clone(), kept
    return bool(taken)


def _of_components(covariance: Tensor, pairs: Tensor) -> Tensor:
    """The covariance of the pairs' first principal components."""
    inner = covariance[pairs.unsqueeze(2), pairs.unsqueeze(1)]
    first = torch.linalg.eigh(inner).eigenvectors[..., -1]
    mixing = torch.zeros(len(covariance), len(pairs), dtype=covariance.dtype)
    mixing[pairs, torch.arange(len(pairs)).unsqueeze(1)] = first
    return mixing.T @ covariance @ mixing


def choose_inputs(worth: Tensor, count: int) -> Tensor:
    """Deal inputs out to groups, each once, the worthiest first.

    Args:
        worth: of each input for each group: (s, n).
        count: of inputs for each group; s times count is n.

    Returns:
        (s, count), numbers of the inputs of each group.
    """
    chosen: list[list[int]] = [[] for _ in range(len(worth))]
    left = set(range(worth.shape[1]))
    for place in worth.flatten().argsort(descending=True, stable=True).tolist():
        group, number = divmod(place, worth.shape[1])
        if number in left and len(chosen[group]) < count:
            chosen[group].append(number)
            left.remove(number)
        if not left:
            break
    return torch.tensor(chosen)
