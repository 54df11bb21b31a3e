"""Which images a network takes: what timm refuses in the midst of its work is told before."""

import torch
from torch import nn

from groupnl.errors import ConfigError
from groupnl.models.architecture import COLOUR, usual_size


def refuse_size(network: nn.Module, architecture: str, size: int, option: str, channels: int = COLOUR) -> None:
    """See that a network takes images of a size, by giving it one, and refuse the size where it does not.

    Args:
        network: where its weights are; its mode is left as it is.
        architecture: timm name.
        size: side of the image, pixels.
        option: that sets it, for the error's text.
        channels: of the image.

    Raises:
        ConfigError: it does not.
    """
    training = network.training
    device = next((values.device for values in network.parameters()), torch.device("cpu"))
    try:
        with torch.no_grad():
            network.eval()(torch.zeros(1, channels, size, size, device=device))
    except Exception as error:  # each network checks in its own way, if it checks at all
        usual = usual_size(architecture)
        advice = f"{option} {usual} is its usual size" if usual else "give another size"
        raise ConfigError(
            f"{option} {size}: {architecture} does not take images of {size} pixels; {advice} ({error})"
        ) from error
    finally:
        network.train(training)
