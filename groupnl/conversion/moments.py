"""Sums over pixels from which linear maps are fitted in closed form."""

import torch
from torch import Tensor

# Of a feature's mean square; so much is added to the squares, lest features that say the same make weights huge.
RIDGE = 1e-6
_PIXELS = 1 << 13  # multiplied at a time in float32; sums of many more are less exact than the ridge is small


class Moments:
    """First and second moments of features and targets, of several groups at a time, in float64 on the CPU.

    Products of some pixels are summed in the type of the maps, and those sums in float64.

    Args:
        ridge: share of the features' mean variance that is added to each variance.
    """

    def __init__(self, ridge: float = RIDGE) -> None:
        self._ridge = ridge
        self._count = 0
        # Of the first pixels: what all are counted from, lest variances be small differences of large numbers.
        self._origin: tuple[Tensor, ...] = ()
        self._sums: tuple[Tensor, ...] = ()

    def add(self, features: Tensor, targets: Tensor) -> None:
        """Take pixels into account.

        Args:
            features: (G, d, N), d features of N pixels in each of G groups.
            targets: (G, t, N), what is to be computed from them.
        """
        if not self._origin:
            self._origin = features.mean(2, keepdim=True), targets.mean(2, keepdim=True)
        for some, wanted in zip(torch.split(features, _PIXELS, 2), torch.split(targets, _PIXELS, 2), strict=True):
            self._add(some - self._origin[0], wanted - self._origin[1])

    def _add(self, features: Tensor, targets: Tensor) -> None:
        square, cross = features @ features.mT, features @ targets.mT
        sums = (features.sum(2), targets.sum(2), square, cross, targets.square().sum(2))
        wide = [values.double().cpu() for values in sums]
        self._count += features.shape[2]
        self._sums = tuple(a + b for a, b in zip(self._sums, wide, strict=True)) if self._sums else tuple(wide)

    @property
    def feature_mean(self) -> Tensor:
        """(G, d)."""
        return self._origin[0].squeeze(2).double().cpu() + self._mean(0)

    @property
    def target_mean(self) -> Tensor:
        """(G, t)."""
        return self._origin[1].squeeze(2).double().cpu() + self._mean(1)

    def _mean(self, which: int) -> Tensor:
        """Of features (0) or targets (1), from the origin."""
        return self._sums[which] / self._count

    @property
    def feature_square(self) -> Tensor:
        """Mean products of the features, not centred: (G, d, d)."""
        mean = self.feature_mean
        return self.feature_covariance + mean.unsqueeze(2) * mean.unsqueeze(1)

    @property
    def feature_covariance(self) -> Tensor:
        """(G, d, d)."""
        mean = self._mean(0)
        return self._sums[2] / self._count - mean.unsqueeze(2) * mean.unsqueeze(1)

    @property
    def cross_covariance(self) -> Tensor:
        """Of features and targets: (G, d, t)."""
        return self._sums[3] / self._count - self._mean(0).unsqueeze(2) * self._mean(1).unsqueeze(1)

    @property
    def target_variance(self) -> Tensor:
        """(G, t)."""
        return (self._sums[4] / self._count - self._mean(1).square()).clamp_min(0)

    def slopes(self) -> Tensor:
        """Weights of the features in the best linear forecast of the targets, by ridge regression: (G, d, t)."""
        covariance = self.feature_covariance
        size = covariance.shape[-1]
        mean = covariance.diagonal(dim1=1, dim2=2).mean(1).clamp_min(torch.finfo(torch.float32).tiny)
        padded = covariance + (self._ridge * mean).view(-1, 1, 1) * torch.eye(size, dtype=torch.float64)
        found: Tensor = torch.linalg.solve(padded, self.cross_covariance)
        return found


def best_directions(moments: Moments, weights: Tensor) -> Tensor:
    """The one combination of the features that serves several targets best, each by a straight line of it.

    Reduced-rank regression: of the forecasts of all targets, the first principal component.

    Args:
        moments: of G groups, with d features and p times r targets, those of one direction adjacent.
        weights: (G, p, r), how much each target's error counts (its root).

    Returns:
        (G, p, d), such that the mean square of each combination is 1; 0 where the features say nothing.
    """
    groups, directions, targets = weights.shape
    slopes = moments.slopes()
    slopes = slopes.view(groups, -1, directions, targets).permute(0, 2, 1, 3) * weights.double().unsqueeze(2)
    forecasts = slopes.mT @ moments.feature_covariance.unsqueeze(1) @ slopes
    first = torch.linalg.eigh(forecasts).eigenvectors[..., -1:]
    found = (slopes @ first).squeeze(3)
    square = torch.einsum("gpd,gde,gpe->gp", found, moments.feature_square, found).clamp_min(0)
    scale = torch.where(square > 0, square.rsqrt(), 0.0)
    scaled: Tensor = found * scale.unsqueeze(2)
    return scaled
