"""Networks with random weights whose batch norms do something."""

import timm
import torch
from torch import nn

import groupnl.models  # noqa: F401 (registers the networks)


def with_lively_norms(name: str, **kwargs: object) -> nn.Module:
    """A network of timm's in evaluation mode, with ten classes; see `lively`."""
    torch.manual_seed(0)
    return lively(timm.create_model(name, num_classes=10, **kwargs).eval())


def lively(network: nn.Module) -> nn.Module:
    """The network; every norm has statistics, scales and shifts of its own, all near their start.

    Near: norms that amplify make a deep random network so sensitive that float32 itself is no longer exact to 1e-5.
    Weights that are zero at their start, as some classifiers are, are small numbers.
    """
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean, std=0.05)
            nn.init.uniform_(module.running_var, 0.9, 1.3)
            nn.init.uniform_(module.weight, 0.8, 1.1)
            nn.init.normal_(module.bias, std=0.05)
    for weight in network.parameters():
        if weight.dim() > 1 and not weight.any():
            nn.init.normal_(weight, std=0.02)
    return network
