"""Accuracy of a network on a labelled split."""

from typing import Any

import torch
from timm.utils import accuracy
from torch import nn

from groupnl.card import SplitAccuracy


@torch.inference_mode()
def evaluate(network: nn.Module, loader: Any, autocast: Any) -> SplitAccuracy:
    """Top-1 and top-5 accuracy of `network` on all of `loader`.

    Args:
        network: (B, 3, S, S) -> (B, K); put into evaluation mode.
        loader: yields (images, classes).
        autocast: context in which the network runs.
    """
    network.eval()
    images, top1, top5 = 0, 0.0, 0.0
    for batch, classes in loader:
        with autocast:
            logits = network(batch.contiguous(memory_format=torch.channels_last)).float()
        best, fifth = accuracy(logits, classes, topk=(1, 5))
        images += len(classes)
        top1 += best.item() * len(classes) / 100
        top5 += fifth.item() * len(classes) / 100
    return SplitAccuracy(images=images, top1=round(top1) / images, top5=round(top5) / images)
