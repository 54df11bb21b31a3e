"""Which images a network takes: what timm refuses in the midst of its work is told before."""

from typing import Any

import timm
import torch
from torch import nn

import groupnl.models.registry  # noqa: F401 (registers the GroupNL networks)
from groupnl.errors import ConfigError


def refuse_size(network: nn.Module, architecture: str, size: int, option: str) -> None:
    """See that a network takes images of a size, by giving it one, and refuse the size where it does not.

    Args:
        network: where its weights are; its mode is left as it is.
        architecture: timm name.
        size: side of the image, pixels.
        option: that sets it, for the error's text.

    Raises:
        ConfigError: it does not.
    """
    training = network.training
    device = next((values.device for values in network.parameters()), torch.device("cpu"))
    try:
        with torch.no_grad():
            network.eval()(torch.zeros(1, 3, size, size, device=device))
    except Exception as error:  # each network checks in its own way, if it checks at all
        usual = _usual_size(architecture)
        advice = f"{option} {usual} is its usual size" if usual else "give another size"
        raise ConfigError(
            f"{option} {size}: {architecture} does not take images of {size} pixels; {advice} ({error})"
        ) from error
    finally:
        network.train(training)


def _usual_size(architecture: str) -> int | None:
    config: Any = timm.get_pretrained_cfg(architecture) if timm.is_model(architecture) else None
    return None if config is None else int(config.input_size[-1])
