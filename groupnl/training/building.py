"""The network that a run trains, as timm builds it or with the weights of a checkpoint."""

import timm
import torch
from torch import nn

from groupnl.errors import ConfigError
from groupnl.inference.device import place
from groupnl.models.input_size import refuse_size
from groupnl.models.trained import Trained
from groupnl.training.config import TrainConfig
from groupnl.training.initial import Copied, copy_weights
from groupnl.training.refusal import refused


def normalised_as(initial: Trained | None, config: TrainConfig) -> TrainConfig:
    """The settings with a checkpoint's mean and deviation, where no others are given."""
    if initial is None:
        return config
    told = {"mean": initial.input.mean, "std": initial.input.std}
    wanted = {name: values * (3 // len(values)) for name, values in told.items() if getattr(config, name) is None}
    return config.model_copy(update=wanted)


def build_network(
    config: TrainConfig, classes: tuple[str, ...], initial: Trained | None, device: torch.device
) -> tuple[nn.Module, Copied | None]:
    """Build the network of a run on its device.

    Args:
        config: the run's settings.
        classes: class names in the order of the logits.
        initial: whose weights are copied, see `copy_weights`; None: all are new.
        device: where it is trained.

    Returns:
        The network, and what was copied.

    Raises:
        ConfigError: a setting that it cannot be built with, or a checkpoint that does not fit it.
    """
    if not timm.is_model(config.model):
        raise ConfigError(f"model {config.model!r} is unknown to timm; `groupnl models` lists GroupNL's")
    network = _built(config, len(classes))
    copied = copy_weights(network, config.model, classes, initial, "--initial-checkpoint") if initial else None
    if config.grad_checkpointing:
        with refused(f"--grad-checkpointing with {config.model}"):
            network.set_grad_checkpointing()  # type: ignore[operator]
    refuse_size(network, config.model, config.size, "--size")
    return place(network, device), copied


def _built(config: TrainConfig, classes: int) -> nn.Module:
    rates = {"drop_rate": config.drop, "drop_path_rate": config.drop_path}
    with refused(f"--model {config.model} with --drop {config.drop} and --drop-path {config.drop_path}"):
        try:
            return _created(config.model, classes, rates)
        except TypeError:  # some networks do not know both; one that is 0 need not be told
            return _created(config.model, classes, {name: rate for name, rate in rates.items() if rate})


def _created(model: str, classes: int, rates: dict[str, float]) -> nn.Module:
    network: nn.Module = timm.create_model(model, num_classes=classes, **rates)
    return network
