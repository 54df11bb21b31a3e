"""The loss of AugMix (Hendrycks et al., ICLR 2020): right about an image, and alike about augmented views of it."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

VIEWS = 3
"""The image itself, and two augmented views of it."""


def jensen_shannon(logits: Tensor, classes: Tensor, smoothing: float, weight: float = 12.0) -> Tensor:
    """Cross entropy of the images, plus the Jensen-Shannon divergence of what is said about their views; a scalar.

    As timm's JsdCrossEntropy, but computed from logarithms: there a probability that is 0 makes the gradients NaN.

    Args:
        logits: (3B, K): of B images, then of their augmented views, then of their other ones.
        classes: of the images, (B,) int64; more that follows is not looked at.
        smoothing: of the labels.
        weight: of the divergence.
    """
    views = F.log_softmax(logits, dim=1).chunk(VIEWS)
    mixture = torch.logsumexp(torch.stack(views), dim=0) - math.log(VIEWS)
    divergences = [F.kl_div(mixture, view, reduction="batchmean", log_target=True) for view in views]
    clean = logits[: len(views[0])]
    hard = F.cross_entropy(clean, classes[: len(clean)], label_smoothing=smoothing)
    return hard + weight * torch.stack(divergences).mean()
