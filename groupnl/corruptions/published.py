"""What the published ImageNet-C files have gone through beside their corruption: they were saved as JPEG."""

from torch import Tensor

from groupnl.corruptions.jpeg import round_trip as jpeg_round_trip

QUALITY = 85


def round_trip(images: Tensor) -> Tensor:
    """The images as they come back from such a file; uint8 of shape (B, 3, H, W)."""
    return jpeg_round_trip(images, QUALITY)
