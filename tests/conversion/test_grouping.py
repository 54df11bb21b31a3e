"""groupnl.conversion.grouping: channels that go together are found."""

from itertools import permutations

import pytest
import torch

from groupnl.conversion.grouping import choose_inputs, group_channels, pair_channels, pair_losses
from groupnl.errors import ConfigError


def covariance(seed, channels):
    mixing = torch.randn(channels, 3 * channels, generator=torch.Generator().manual_seed(seed)).double()
    return mixing @ mixing.T


def test_a_pair_loses_its_smaller_eigenvalue():
    found, of = pair_losses(covariance(0, 5)), covariance(0, 5)
    for one in range(5):
        for other in set(range(5)) - {one}:
            inner = of[[one, other]][:, [one, other]]
            assert found[one, other].item() == pytest.approx(torch.linalg.eigvalsh(inner)[0].item())


@pytest.mark.parametrize("size", [2, 4])
def test_channels_of_one_line_are_grouped_wherever_they_stand(size):
    generator = torch.Generator().manual_seed(1)
    lines = torch.randn(6, 500, generator=generator)
    factors = torch.randn(24 // size if size == 4 else 12, size, generator=generator)[:6].unsqueeze(2)
    maps = (lines.unsqueeze(1) * factors).flatten(0, 1)
    order = torch.randperm(6 * size, generator=generator)
    groups = group_channels(torch.cov(maps[order]), size)
    assert sorted(order[group].div(size, rounding_mode="floor").tolist() for group in groups) == [
        [line] * size for line in range(6)
    ]


@pytest.mark.parametrize("seed", range(5))
def test_exchanges_come_near_the_best_pairs(seed):
    of = covariance(seed, 6)
    lost = pair_losses(of)
    best = min(sum(lost[order[i], order[i + 1]].item() for i in (0, 2, 4)) for order in permutations(range(6)))
    pairs = pair_channels(of)
    assert sorted(pairs.flatten().tolist()) == list(range(6))
    assert lost[pairs[:, 0], pairs[:, 1]].sum().item() <= 1.1 * best + 1e-9


def test_a_strong_channel_is_paired_with_a_weak_one_where_none_go_together():
    pairs = pair_channels(torch.diag(torch.tensor([1.0, 100.0, 2.0, 90.0])))
    assert all((pair == 1).any() != (pair == 3).any() for pair in pairs)


def test_other_sizes_are_refused():
    with pytest.raises(ConfigError, match="make 3 maps of each seed"):
        group_channels(covariance(0, 6), 3)


def test_inputs_go_to_the_group_that_they_are_worth_most_to():
    worth = torch.tensor([[9.0, 1.0, 8.0, 0.0], [7.0, 2.0, 3.0, 0.0]])
    assert choose_inputs(worth, 2).tolist() == [[0, 2], [1, 3]]
