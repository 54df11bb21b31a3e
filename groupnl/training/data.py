"""Image folders as timm loaders: the training split augmented, the others as the service will see them."""

from pathlib import Path
from typing import Any

import torch
from timm.data import create_dataset, create_loader
from timm.data.constants import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD

from groupnl.card import InputConfig
from groupnl.errors import ConfigError
from groupnl.training.config import TrainConfig

# timm's loaders yield (images, classes); timm is not typed.
Loader = Any


def input_config(config: TrainConfig) -> InputConfig:
    """How images become input, in training's evaluation and in the service alike."""
    return InputConfig(
        size=config.size,
        mean=IMAGENET_DEFAULT_MEAN,
        std=IMAGENET_DEFAULT_STD,
        crop_pct=config.crop_pct,
        interpolation=config.interpolation,
    )


def class_names(split: Path) -> tuple[str, ...]:
    """Names of the class folders, sorted: their order is the order of the logits.

    Raises:
        ConfigError: no such folder, or no class folder in it.
    """
    if not split.is_dir():
        raise ConfigError(f"split {split} does not exist; build the icons with `groupnl data icons`, or name --data")
    names = tuple(sorted(entry.name for entry in split.iterdir() if entry.is_dir()))
    if not names:
        raise ConfigError(f"split {split} has no class folders: it must hold one folder of images for each class")
    return names


def train_loader(config: TrainConfig, classes: tuple[str, ...], device: torch.device) -> Loader:
    """Augmented, shuffled batches; (B, 3, S, S) float32 normalised, (B,) int64."""
    return create_loader(
        _dataset(config.data / config.train_split, classes),
        is_training=True,
        scale=(config.scale_min, 1.0),
        hflip=config.hflip,
        color_jitter=config.color_jitter,
        auto_augment=config.aa,
        re_prob=config.reprob,
        re_mode="pixel",
        **_shared(config, device),
    )


def eval_loader(config: TrainConfig, split: str, classes: tuple[str, ...], device: torch.device) -> Loader:
    """Resized and centre-cropped batches in the split's order."""
    return create_loader(
        _dataset(config.data / split, classes), is_training=False, crop_pct=config.crop_pct, **_shared(config, device)
    )


def _dataset(split: Path, classes: tuple[str, ...]) -> Any:
    if unknown := sorted(set(class_names(split)) - set(classes)):
        raise ConfigError(f"split {split} has classes that the training split lacks: {', '.join(unknown[:5])}")
    class_map = {name: index for index, name in enumerate(classes)}
    return create_dataset("", root=str(split), search_split=False, class_map=class_map)


def _shared(config: TrainConfig, device: torch.device) -> dict[str, Any]:
    given = input_config(config)
    return {
        "input_size": (3, given.size, given.size),
        "batch_size": config.batch_size,
        "interpolation": given.interpolation,
        "mean": given.mean,
        "std": given.std,
        "num_workers": config.workers,
        "device": device,
        "pin_memory": device.type == "cuda",
        # Workers are started anew each epoch, so that an epoch's augmentation depends on its seed alone.
        "persistent_workers": False,
    }
