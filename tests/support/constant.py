"""A network of ImageNet's 1000 classes that answers every picture alike: class 2, then 3, 4, 5, 6."""

import argparse
from pathlib import Path

import torch
from support.tiny import ARCHITECTURE, tiny_network

BEST = 2


def constant_checkpoint(folder: Path) -> Path:
    """As the published training script saves it: without a card, so with ImageNet's classes."""
    network = tiny_network(1000)
    with torch.no_grad():
        network.classifier.weight.zero_()
        network.classifier.bias.copy_(-((torch.arange(1000) - BEST) % 1000).float())
    path = folder / "constant.pth.tar"
    torch.save({"arch": ARCHITECTURE, "args": argparse.Namespace(), "state_dict": network.state_dict()}, path)
    return path
