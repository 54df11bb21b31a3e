"""The ImageNet weights that torchvision publishes: known by their bytes, whatever the file is called."""

import math
import re
from typing import Any

import timm

from groupnl.models.hub_folder import HubConfig
from groupnl.models.torchvision_weights import NETWORKS

# With its published weights such a network makes this mean and deviation of the usual ones, which timm's does not.
_NORMALISED_AGAIN = {"inception_v3": {"mean": (0.5,) * 3, "std": (0.5,) * 3}}
# The first digits of a file's SHA-256 end its address, and torchvision checks them itself.
_DIGEST = re.compile(r"-([0-9a-f]{8,})\.pth$")


def torchvisions_config(sha256: str) -> HubConfig | None:
    """What torchvision says of a file of its own, by timm's names; None for any other file.

    Args:
        sha256: of the file, hexadecimal.
    """
    import torchvision  # takes a second

    for name in torchvision.models.list_models(module=torchvision.models):
        for weights in torchvision.models.get_model_weights(name):
            digest = _DIGEST.search(weights.url)
            if digest and sha256.startswith(digest[1]) and timm.is_model(ours := NETWORKS.get(name, name)):
                said = _input(weights.transforms()) | _NORMALISED_AGAIN.get(name, {})
                return HubConfig(ours, said, classes=None, arguments={})
    return None


def crop_share(crop: int, resized: int) -> float:
    """The share that a crop is of the resized image; the crop divided by it is `resized`, rounded down too."""
    share = crop / resized
    while math.floor(crop / share) < resized:
        share = math.nextafter(share, 0)
    return share


def _input(transforms: Any) -> dict[str, Any]:
    crop, resized = transforms.crop_size[0], transforms.resize_size[0]
    return {
        "input_size": [3, crop, crop],
        "crop_pct": crop_share(crop, resized),
        "interpolation": transforms.interpolation.value,
        "mean": tuple(transforms.mean),
        "std": tuple(transforms.std),
    }
