"""Checkpoints of random networks to begin from, or to be taught by."""

from pathlib import Path

import timm
import torch
from support.training_runs import CLASSES
from torch import Tensor

import groupnl.models  # noqa: F401 (registers the networks)
from groupnl.card import InputConfig, ModelCard
from groupnl.models import save_checkpoint

INPUT = InputConfig(size=32, mean=(0.4, 0.5, 0.6), std=(0.2, 0.3, 0.4), crop_pct=1.0, interpolation="bilinear")


def checkpoint(
    folder: Path, architecture: str, classes: tuple[str, ...] = CLASSES, seed: int = 3, carded: bool = True
) -> tuple[Path, dict[str, Tensor]]:
    """Of a random network, in our form or as a bare state dict; the file and the weights."""
    torch.manual_seed(seed)
    network = timm.create_model(architecture, num_classes=len(classes))
    with torch.no_grad():
        for norm in network.modules():
            if isinstance(norm, torch.nn.BatchNorm2d):
                norm.momentum = 1.0
        network.train()(torch.randn(32, 3, 32, 32))  # so that its maps are neither nothing nor huge
    weights = network.state_dict()
    if carded:
        path = folder / f"{architecture}.safetensors"
        save_checkpoint(path, weights, ModelCard(architecture=architecture, classes=classes, input=INPUT))
    else:
        path = folder / f"{architecture}.pth"
        torch.save(weights, path)
    return path, weights
