"""Checkpoints in the layout of the published training script, timm's: other tools can go on from them."""

from argparse import Namespace
from typing import Any

import torch
from torch import nn

from groupnl.base.atomic_file import replacing
from groupnl.card import ModelCard
from groupnl.models.checkpoint import HEADER_KEY
from groupnl.training.config import TrainConfig
from groupnl.training.optimisation import Optimisation

FILE = "last.pth.tar"
_VERSION = 2  # of the layout: `epoch` is the number of the last whole epoch, counted from 0


def save_published(
    config: TrainConfig,
    card: ModelCard,
    epoch: int,
    network: nn.Module,
    ema: nn.Module | None,
    steps: Optimisation,
    metric: float | None,
) -> None:
    """Write `last.pth.tar` into the run's folder.

    Args:
        config: the run's settings; they become `args`.
        card: of the network; other tools pass it over.
        epoch: number of the last whole epoch, from 0.
        network: the trained one, not wrapped.
        ema: the network of averaged weights, if there is one.
        steps: optimiser and scaler.
        metric: top-1 accuracy of the first evaluation split, percent; None: there is no such split.
    """
    content: dict[str, Any] = {
        "epoch": epoch,
        "arch": config.model,
        "args": Namespace(**config.model_dump(mode="json")),
        "state_dict": network.state_dict(),
        "optimizer": steps.optimiser.state_dict(),
        "version": _VERSION,
        HEADER_KEY: card.model_dump_json(),
        "metric": metric,
    }
    if ema is not None:
        content["state_dict_ema"] = ema.state_dict()
    if steps.scaler.is_enabled():
        content["amp_scaler"] = steps.scaler.state_dict()
    with replacing(config.run_folder / FILE) as path, path.open("wb") as file:
        torch.save(content, file)  # to a path, torch would hide why the disk takes no more
