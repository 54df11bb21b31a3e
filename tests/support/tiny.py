"""Tiny trained-looking networks for tests: checkpoints, and archives made of them."""

import argparse
from pathlib import Path

import timm
import torch

from groupnl.card import InputConfig, ModelCard
from groupnl.models import save_checkpoint

ARCHITECTURE = "test_gnl_efficientnet"
CLASSES = ("red", "green", "blue", "round", "square", "striped", "dotted")
INPUT = InputConfig(size=32, mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25), crop_pct=1.0, interpolation="bilinear")
# Of archives that are served: workers of this engine start in half the time of eager PyTorch's, which need timm.
HANDLER = {"engine": "onnx", "device": "cpu", "precision": "float32"}


def tiny_card(classes: tuple[str, ...] = CLASSES) -> ModelCard:
    return ModelCard(architecture=ARCHITECTURE, classes=classes, input=INPUT)


def tiny_network(classes: int = len(CLASSES)) -> torch.nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return timm.create_model(ARCHITECTURE, num_classes=classes).eval()


def tiny_checkpoint(folder: Path) -> Path:
    """Our own format."""
    path = folder / "tiny.safetensors"
    save_checkpoint(path, tiny_network().state_dict(), tiny_card())
    return path


def published_checkpoint(folder: Path, classes: int = 1000, architecture: str | None = ARCHITECTURE) -> Path:
    """What timm's CheckpointSaver writes when it runs distributed."""
    weights = {f"module.{name}": tensor for name, tensor in tiny_network(classes).state_dict().items()}
    content = {"epoch": 1, "state_dict": weights, "args": argparse.Namespace(lr=0.1)}
    path = folder / "model_best.pth.tar"
    torch.save(content | ({"arch": architecture} if architecture else {}), path)
    return path


def fixed_size_checkpoint(folder: Path) -> Path:
    """Of a network that takes images of one size only, 160 pixels."""
    path, architecture = folder / "fixed.safetensors", "test_vit3"
    card = tiny_card().model_copy(
        update={"architecture": architecture, "input": INPUT.model_copy(update={"size": 160})}
    )
    save_checkpoint(path, timm.create_model(architecture, num_classes=len(CLASSES)).state_dict(), card)
    return path
