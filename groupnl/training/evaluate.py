"""Accuracy of a network on a labelled split."""

from typing import Any

import torch
from timm.utils import accuracy
from torch import nn

from groupnl.card import SplitAccuracy
from groupnl.errors import ConfigError
from groupnl.training.distributed import World


@torch.inference_mode()
def evaluate(network: nn.Module, loader: Any, wanted: int, autocast: Any, world: World) -> SplitAccuracy:
    """Top-1 and top-5 accuracy of `network` on all of a split.

    Args:
        network: (B, 3, S, S) -> (B, K); put into evaluation mode.
        loader: yields this process's share of (images, classes).
        wanted: how many images the whole split has.
        autocast: context in which the network runs.
        world: the processes whose shares are added up; all must come here.

    Raises:
        ConfigError: there were more or fewer images: readers of shards pass over what they cannot read.
    """
    network.eval()
    counts = torch.zeros(3, dtype=torch.float64, device=world.device)
    for batch, classes in loader:
        with autocast:
            logits = network(batch.contiguous(memory_format=torch.channels_last)).float()
        best, fifth = accuracy(logits, classes, topk=(1, 5))
        counts += len(classes) * torch.stack([torch.ones_like(best), best / 100, fifth / 100])
    images, top1, top5 = (round(count) for count in world.total(counts).tolist())
    if images != wanted:
        raise ConfigError(
            f"{images} images could be read where {wanted} were to be measured: the shards are damaged (the log says "
            "which), or their number is another"
        )
    return SplitAccuracy(images=images, top1=top1 / images, top5=top5 / images)
