"""groupnl.training.robust.jensen_shannon: known values, timm's loss, and logits that are far apart."""

import math

import pytest
import torch
import torch.nn.functional as F
from timm.loss import JsdCrossEntropy

from groupnl.training.robust import jensen_shannon


def test_alike_views_leave_the_cross_entropy():
    logits, classes = torch.randn(4, 5), torch.tensor([0, 4, 2, 2])
    wanted = F.cross_entropy(logits, classes, label_smoothing=0.1).item()
    assert jensen_shannon(logits.repeat(3, 1), classes.repeat(3), 0.1).item() == pytest.approx(wanted, rel=1e-5)


def test_the_divergence_by_hand():
    # Views (1/2, 1/2), (3/4, 1/4) and (1/4, 3/4): their mean is the first.
    logits = torch.tensor([[1 / 2, 1 / 2], [3 / 4, 1 / 4], [1 / 4, 3 / 4]]).log()
    divergence = 2 / 3 * (3 / 4 * math.log(3 / 2) + 1 / 4 * math.log(1 / 2))
    for weight in (1.0, 12.0):
        found = jensen_shannon(logits, torch.tensor([0]), 0.0, weight).item()
        assert found == pytest.approx(math.log(2) + weight * divergence, rel=1e-5)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_it_is_timms(smoothing):
    logits, classes = torch.randn(12, 5, generator=torch.Generator().manual_seed(0)), torch.tensor([0, 4, 2, 2] * 3)
    wanted = JsdCrossEntropy(num_splits=3, alpha=12.0, smoothing=smoothing)(logits, classes)
    torch.testing.assert_close(jensen_shannon(logits, classes, smoothing), wanted, rtol=1e-4, atol=1e-5)


def test_probabilities_of_0_have_gradients():
    logits = torch.tensor([[200.0, -200.0], [-200.0, 200.0], [0.0, 0.0]], requires_grad=True)
    loss = jensen_shannon(logits, torch.tensor([0]), 0.0)
    loss.backward()
    assert math.isfinite(loss.item())
    assert torch.isfinite(logits.grad).all()
