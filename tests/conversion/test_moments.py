"""groupnl.conversion.moments: fits in closed form against answers known by hand."""

import pytest
import torch

from groupnl.conversion.moments import Moments, best_directions


def test_a_line_is_found_from_batches():
    features = torch.randn(1, 2, 400)
    targets = 3 * features[:, :1] - 0.5 * features[:, 1:] + 7
    moments = Moments()
    for part in range(0, 400, 100):
        moments.add(features[..., part : part + 100], targets[..., part : part + 100])
    torch.testing.assert_close(moments.slopes()[0, :, 0], torch.tensor([3.0, -0.5]).double(), rtol=1e-4, atol=1e-4)
    assert moments.target_mean.item() == pytest.approx(targets.mean().item(), abs=1e-4)
    assert moments.target_variance.item() == pytest.approx(targets.var(correction=0).item(), rel=1e-4)


def test_sums_of_many_pixels_are_as_exact_as_the_ridge_is_small():
    torch.manual_seed(0)
    features = torch.rand(1, 8, 1 << 19).square()
    moments = Moments()
    moments.add(features, features[:, :1])
    torch.testing.assert_close(
        moments.feature_covariance[0], torch.cov(features[0].double(), correction=0), rtol=0, atol=1e-8
    )


def test_a_feature_that_is_always_the_same_gets_no_weight():
    features = torch.cat([torch.randn(1, 1, 50), torch.full((1, 1, 50), 2.0)], 1)
    moments = Moments()
    moments.add(features, features[:, :1])
    torch.testing.assert_close(moments.slopes()[0, :, 0], torch.tensor([1.0, 0.0]).double(), rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize(("weights", "found"), [((2.0, 1.0), (1.0, 0.0)), ((1.0, 3.0), (0.0, 1.0))])
def test_of_two_targets_that_say_nothing_of_each_other_the_weightier_is_served(weights, found):
    # Four pixels in which the features are uncorrelated, of mean 0 and variance 1.
    features = torch.tensor([[[1.0, 1.0, -1.0, -1.0], [1.0, -1.0, 1.0, -1.0]]])
    moments = Moments()
    moments.add(features, features)
    direction = best_directions(moments, torch.tensor([[weights]]))
    torch.testing.assert_close(direction.abs(), torch.tensor([[found]]).double(), rtol=1e-4, atol=1e-4)


def test_targets_along_one_line_share_its_direction_of_mean_square_1():
    features = torch.randn(3, 4, 300)
    line = torch.einsum("gdn,d->gn", features, torch.tensor([1.0, -2.0, 0.0, 0.5]))
    moments = Moments()
    moments.add(features, torch.stack([line, -3 * line + 1, 0.2 * line, line], 1))
    directions = best_directions(moments, torch.ones(3, 2, 2)).float()
    for direction in directions.transpose(0, 1):
        made = torch.einsum("gdn,gd->gn", features, direction)
        torch.testing.assert_close(made.square().mean(1), torch.ones(3), rtol=1e-3, atol=1e-3)
        assert all(torch.corrcoef(torch.stack(each))[0, 1].abs() > 0.9999 for each in zip(made, line, strict=True))


def test_features_that_say_nothing_give_no_direction():
    moments = Moments()
    moments.add(torch.zeros(1, 2, 10), torch.randn(1, 2, 10))
    assert best_directions(moments, torch.ones(1, 1, 2)).tolist() == [[[0.0, 0.0]]]
