"""What other libraries call timm's networks and the tensors in them, and the files that they have published."""

import re
from collections.abc import Iterator

from groupnl.models import efficientnet_pytorch, torchvision_weights
from groupnl.models.efficientnet_pytorch import efficientnet_pytorchs_config, efficientnet_pytorchs_tensors
from groupnl.models.hub_folder import HubConfig
from groupnl.models.torchvision_files import torchvisions_config
from groupnl.models.torchvision_weights import torchvisions_tensors
from groupnl.models.translation import Translation

_HUB = re.compile(r"^(hf[-_]hub:)?timm/")  # as in hf-hub:timm/resnet18.a1_in1k
_NETWORKS = torchvision_weights.NETWORKS | efficientnet_pytorch.NETWORKS


def timms_name(architecture: str) -> str:
    """The name in timm of another library's network, or of one of timm's on its hub; any other name as it is."""
    name = _HUB.sub("", architecture)
    return _NETWORKS.get(name, name)


def translations(architecture: str) -> Iterator[Translation]:
    """What the tensors of each other library that has a network are in it.

    Args:
        architecture: timm name, with or without a tag.
    """
    for tensors_of in (efficientnet_pytorchs_tensors, torchvisions_tensors):
        if found := tensors_of(architecture):
            yield found


def published_config(sha256: str) -> HubConfig | None:
    """What is known of a file that another library has published; None for any other file.

    Args:
        sha256: of the file, hexadecimal.
    """
    return efficientnet_pytorchs_config(sha256) or torchvisions_config(sha256)
