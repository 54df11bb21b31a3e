"""timm's loaders: the training split augmented, the others as the service will see them."""

from typing import Any

import torch
from timm.data import FastCollateMixup, create_loader
from timm.data.constants import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
from timm.data.readers.reader_wds import ReaderWds
from torchvision.transforms import Compose

from groupnl.base.child_process import helpers
from groupnl.base.texts import counted
from groupnl.card import InputConfig
from groupnl.errors import ConfigError
from groupnl.training.config import TrainConfig
from groupnl.training.distributed import World, spread
from groupnl.training.images import as_served
from groupnl.training.refusal import refused
from groupnl.training.robust import VIEWS
from groupnl.training.sources import Dataset
from groupnl.training.views import Transform, refuse_unsuited, training_transform

# timm's loaders yield (images, classes); timm is not typed.
Loader = Any


def input_config(config: TrainConfig) -> InputConfig:
    """How images become input, in training's evaluation and in the service alike."""
    return InputConfig(
        size=config.size,
        mean=config.mean or IMAGENET_DEFAULT_MEAN,
        std=config.std or IMAGENET_DEFAULT_STD,
        crop_pct=config.crop_pct,
        interpolation=config.interpolation,
    )


def train_loader(config: TrainConfig, dataset: Dataset, world: World, classes: int) -> Loader:
    """Augmented, shuffled batches of this process.

    Images of a batch are mixed before one of them is erased in part, as in the published script. Of several views the
    first is not erased.

    Returns:
        Yields images, (B, 3, S, S) float32 normalised, and classes: (B,) int64, or (B, classes) float32 shares of each
        where images are mixed. With several views of each image B is so many times as large: all first ones come first.

    Raises:
        ConfigError: an augmentation that timm does not know, settings that do not go together, fewer images than a step
            needs, or an odd number of them to mix in pairs.
    """
    refuse_unsuited(config)
    if config.mixes and config.batch_size % 2:
        raise ConfigError(f"--batch-size {config.batch_size} is odd, but --mixup and --cutmix mix images in pairs")
    with refused(f"--aa {config.aa}"):
        loader = create_loader(
            dataset,
            is_training=True,
            distributed=world.size > 1,
            scale=(config.scale_min, 1.0),
            hflip=config.hflip,
            color_jitter=None if config.robust else config.color_jitter,
            auto_augment=config.aa,
            num_aug_splits=VIEWS if config.jsd else 1,  # with 1, too, the transforms come in parts
            re_split=config.jsd > 0,
            interpolation=config.train_interpolation or config.interpolation,
            re_prob=config.reprob,
            re_mode=config.remode,
            collate_fn=_mixing(config, classes) if config.mixes else None,
            **_shared(config, world),
        )
    if len(loader) == 0:
        raise ConfigError(
            f"split {config.train_split} has {counted(len(dataset), 'image')}, fewer than one batch of "
            f"{config.batch_size * world.size}: lower --batch-size"
        )
    return _transformed(loader, training_transform(config, loader.dataset.transform))


def _mixing(config: TrainConfig, classes: int) -> FastCollateMixup:
    return FastCollateMixup(config.mixup, config.cutmix, label_smoothing=config.smoothing, num_classes=classes)


def begin_epoch(loader: Loader, epoch: int, seed: int) -> None:
    """Make the epoch's order depend on its number and torch's seed alone.

    Where processes deal the images out among them, all must shuffle alike: by seed and epoch. Shards that a process
    reads itself would go on with the random numbers of the epoch before, which a resumed run has not drawn.
    """
    if hasattr(loader.sampler, "set_epoch"):
        loader.sampler.seed = spread(seed)
    for part in (loader.sampler, loader.dataset):
        if hasattr(part, "set_epoch"):
            part.set_epoch(epoch)
    reader = loader.dataset.reader
    if isinstance(reader, ReaderWds):
        reader.ds, reader.worker_seed = None, torch.initial_seed()


def _transformed(loader: Loader, transform: Transform) -> Loader:
    loader.dataset.transform = transform
    inner: Any = getattr(loader, "loader", loader)  # timm wraps the one that starts processes
    inner.multiprocessing_context = helpers(inner.num_workers)
    return loader


def eval_loader(config: TrainConfig, dataset: Dataset, world: World) -> Loader:
    """Resized and centre-cropped batches in the order of this process's share of the split."""
    loader = create_loader(
        dataset,
        is_training=False,
        crop_pct=config.crop_pct,
        interpolation=config.interpolation,
        **_shared(config, world),
    )
    return _transformed(loader, Compose([as_served, loader.dataset.transform]))


def _shared(config: TrainConfig, world: World) -> dict[str, Any]:
    given = input_config(config)
    return {
        "input_size": (3, given.size, given.size),
        "batch_size": config.batch_size,
        "mean": given.mean,
        "std": given.std,
        "num_workers": world.loaders(config.workers),
        "device": world.device,
        "pin_memory": world.device.type == "cuda",
        # Workers are started anew each epoch, so that an epoch's augmentation depends on its seed alone.
        "persistent_workers": False,
    }
