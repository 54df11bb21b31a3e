"""What traffic is compared with, made up for tests: of a network's classes and input size, without any network."""

import numpy as np
import torch
from support.tiny import ARCHITECTURE, CLASSES
from torch import Tensor

from groupnl.corruptions.names import NAMES
from groupnl.metrics import CONFIDENCE, ENTROPY
from groupnl.traffic.file import Traffic
from groupnl.traffic.recogniser import Recogniser
from groupnl.traffic.record import LOOKS, TrafficRecord
from groupnl.traffic.statistics import COUNT, STATISTICS, pixel_statistics

HIDDEN = 4


def noisy_images(count: int, size: int, seed: int = 0) -> Tensor:
    """Grey squares with some noise, each of its own brightness: uint8 of shape (count, 3, size, size)."""
    generator = torch.Generator().manual_seed(seed)
    brightness = torch.rand(count, 1, 1, 1, generator=generator) * 150 + 50
    noise = torch.randn(count, 3, size, size, generator=generator) * 5
    return (brightness + noise).clamp(0, 255).to(torch.uint8)


def tiny_record(
    classes: tuple[str, ...] = CLASSES, size: int = 32, images: int = 40, **changes: object
) -> TrafficRecord:
    """A network that is unsure of nothing, and whose answers spread over its classes."""
    shares = [images // len(classes) + (index < images % len(classes)) for index in range(len(classes))]
    record = TrafficRecord(
        architecture=ARCHITECTURE,
        weights_sha256="0" * 64,
        size=size,
        data="pictures",
        splits=("test",),
        images=images,
        precision="float32",
        seed=0,
        versions={"torch": "2"},
        temperature=1.5,
        ece=0.1,
        ece_calibrated=0.02,
        confidence=(0,) * (len(CONFIDENCE.buckets) - 1) + (images,),
        entropy=(images,) + (0,) * (len(ENTROPY.buckets) - 1),
        predicted={name: share for name, share in zip(classes, shares, strict=True) if share},
    )
    return TrafficRecord.model_validate(record.model_dump() | changes)


def tiny_confusion(images: int = 40, right: float = 0.8, right_clean: float = 0.975) -> np.ndarray:
    """Looks of so many images of each cell: most look as they are, the others clean, or like the next corruption."""
    looks = len(LOOKS)
    confusion = np.zeros((looks, looks), np.int64)
    for truth in range(looks):
        well = round(images * (right if truth else right_clean))
        other = (images - well) // 2 if truth else images - well
        confusion[truth, truth] = well
        confusion[truth, (truth + 5) % looks or 1] += other
        confusion[truth, 0] += images - well - other
    return confusion


def tiny_traffic(
    classes: tuple[str, ...] = CLASSES, size: int = 32, images: int = 40, right: float = 0.8, **changes: object
) -> Traffic:
    """All that a service needs of held-back images; the small model's weights are random.

    Args:
        classes: of the network.
        size: side of its input, pixels.
        images: that were held back.
        right: share of each cell's images that are recognised.
        changes: of the record's fields.
    """
    random = np.random.default_rng(0)
    statistics = pixel_statistics(noisy_images(images, size))
    recogniser = Recogniser(
        mean=statistics.mean(axis=0),
        scale=statistics.std(axis=0) + 1,
        hidden_weight=random.normal(size=(HIDDEN, COUNT)).astype(np.float32),
        hidden_bias=np.zeros(HIDDEN, np.float32),
        weight=random.normal(size=(len(LOOKS), HIDDEN)).astype(np.float32),
        bias=np.zeros(len(LOOKS), np.float32),
        caution=np.full(len(NAMES), 3, np.float32),
    )
    reference = np.sort(statistics[:, : len(STATISTICS)].T, axis=1)
    return Traffic(tiny_record(classes, size, images, **changes), recogniser, tiny_confusion(images, right), reference)
