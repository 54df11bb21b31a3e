"""groupnl.robustness.compare against values worked out by hand and by SciPy."""

import numpy as np
import pytest
import torch
from scipy.spatial.distance import jensenshannon

from groupnl.robustness.compare import compare, jensen_shannon_bits, paired_outcome


def _answers(count: int, classes: int, seed: int) -> torch.Tensor:
    return (3 * torch.randn(count, classes, generator=torch.Generator().manual_seed(seed))).softmax(dim=1)


def test_by_hand() -> None:
    clean = torch.tensor([[0.7, 0.2, 0.1], [0.5, 0.3, 0.2]])
    corrupted = torch.tensor([[0.8, 0.1, 0.1], [0.2, 0.1, 0.7]])
    kept, flipped = compare(clean, corrupted)
    assert (kept.best, kept.flipped, kept.top5_kept, kept.confidence_drop) == (0, False, True, 0.0)
    assert (flipped.best, flipped.flipped, flipped.top5_kept) == (2, True, True)
    assert flipped.confidence_drop == pytest.approx(0.3)


def test_a_flip_inside_its_group() -> None:
    clean = torch.tensor([[0.7, 0.2, 0.1]]).repeat(3, 1)
    corrupted = torch.eye(3)
    groups = torch.tensor([0, 0, 1])
    assert [change.group_kept for change in compare(clean, corrupted, groups)] == [True, True, False]
    assert [change.group_kept for change in compare(clean, corrupted)] == [True, False, False]  # each is one of its own


def test_the_best_five() -> None:
    clean = torch.eye(7)[:1]
    fifth = torch.tensor([[0.1, 0.3, 0.2, 0.16, 0.14, 0.06, 0.04]])
    sixth = torch.tensor([[0.06, 0.3, 0.2, 0.16, 0.14, 0.1, 0.04]])
    assert [compare(clean, answer)[0].top5_kept for answer in (fifth, sixth)] == [True, False]


def test_divergence_is_scipys() -> None:
    one, other = _answers(50, 20, 0), _answers(50, 20, 1)
    # SciPy's is a distance: the square root.
    expected = jensenshannon(one.numpy(), other.numpy(), base=2, axis=1) ** 2
    np.testing.assert_allclose(jensen_shannon_bits(one, other).numpy(), expected, atol=1e-6)


def test_divergence_at_the_ends() -> None:
    apart = torch.eye(4)[:2]
    assert jensen_shannon_bits(apart[:1], apart[1:]).item() == pytest.approx(1)
    same = _answers(5, 9, 2)
    assert jensen_shannon_bits(same, same).tolist() == [0.0] * 5


def test_outcomes() -> None:
    outcomes = [paired_outcome(model, reference) for model in (True, False) for reference in (True, False)]
    assert outcomes == ["both_hold", "model_only", "reference_only", "both_flip"]
