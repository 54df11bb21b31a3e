"""Weights of EfficientNet-PyTorch's networks and of its fork for the Lite ones, under timm's names.

That library numbers the blocks through, where timm counts them stage by stage, and calls a block's layers by what they
do. Its networks are timm's `tf_...` ones: both pad as TensorFlow does, and their norms add the same epsilon. timm's
networks without `tf_` have the same names and shapes, and answer otherwise.
"""

import re
from collections.abc import Iterable
from functools import cache

import timm
import torch

from groupnl.models.architecture import create
from groupnl.models.hub_folder import HubConfig
from groupnl.models.translation import Translation

_SIZES = (*(f"b{size}" for size in range(9)), "l2", *(f"lite{size}" for size in range(5)))
# The library's name -> timm's.
NETWORKS = {f"efficientnet-{size}": f"tf_efficientnet_{size}" for size in _SIZES}
# timm's names of layers -> the library's: of the whole network, of a block, and of one that expands nothing first.
_OUTSIDE = {"conv_stem": "_conv_stem", "bn1": "_bn0", "conv_head": "_conv_head", "bn2": "_bn1", "classifier": "_fc"}
_GATE = {"se.conv_reduce": "_se_reduce", "se.conv_expand": "_se_expand"}
_INSIDE = {
    "conv_pw": "_expand_conv",
    "bn1": "_bn0",
    "conv_dw": "_depthwise_conv",
    "bn2": "_bn1",
    "conv_pwl": "_project_conv",
    "bn3": "_bn2",
    **_GATE,
}
_INSIDE_UNEXPANDED = {"conv_dw": "_depthwise_conv", "bn1": "_bn1", "conv_pw": "_project_conv", "bn2": "_bn2", **_GATE}
_BLOCK = re.compile(r"blocks\.\d+\.\d+\.")
_STEM = "_conv_stem.weight"
# Files that were published: the first digits of their SHA-256, which end their names, from the smallest network on, by
# timm's tag of the weights.
_PUBLISHED = {
    "b{}.aa_in1k": ("355c32eb", "f1951068", "8bb594d6", "5fb5a3c3", "6ed6700e", "b6417697", "c76e70fd", "dcc49843"),
    "b{}.ap_in1k": (
        *("b64d5a18", "0f3ce85a", "6e9d97e5", "cdd7c0f4", "44fb3a87", "86493f6b", "ac80338e", "4652b6dd"),
        "22a8fe65",
    ),
    "lite{}.in1k": ("57934424", "77cc7160", "9656183e"),
}
_BY_DIGITS = {
    digits: f"tf_efficientnet_{name.format(size)}"
    for name, files in _PUBLISHED.items()
    for size, digits in enumerate(files)
}
_DIGITS = 8


def efficientnet_pytorchs_tensors(architecture: str) -> Translation | None:
    """What EfficientNet-PyTorch's tensors are in a network of timm's; None where it does not have the network.

    Args:
        architecture: timm name, with or without a tag.
    """
    base = architecture.partition(".")[0]
    return _translation(base) if base in NETWORKS.values() else None


def efficientnet_pytorchs_config(sha256: str) -> HubConfig | None:
    """What timm says of a file that was published for EfficientNet-PyTorch; None for any other file.

    Args:
        sha256: of the file, hexadecimal.
    """
    name = _BY_DIGITS.get(sha256[:_DIGITS])
    if name is None:
        return None
    said = timm.get_pretrained_cfg(name).to_dict()
    return HubConfig(name.partition(".")[0], said, classes=None, arguments={})


def is_efficientnet_pytorchs(names: Iterable[str]) -> bool:
    """Whether names of tensors are those of EfficientNet-PyTorch, of whichever network."""
    return any(name.endswith(_STEM) for name in names)


@cache
def _translation(architecture: str) -> Translation:
    with torch.device("meta"):  # names only
        own = create(architecture, num_classes=1000).state_dict().keys()
    blocks = dict.fromkeys(block[0] for block in map(_BLOCK.match, own) if block)
    layers = {"": ("", _OUTSIDE)} | {
        block: (f"_blocks.{number}.", _INSIDE if f"{block}conv_pwl.weight" in own else _INSIDE_UNEXPANDED)
        for number, block in enumerate(blocks)
    }
    names = {}
    for name in own:
        found = _BLOCK.match(name)
        block = found[0] if found else ""
        place, theirs = layers[block]
        layer, _, kind = name.removeprefix(block).rpartition(".")
        names[f"{place}{theirs[layer]}.{kind}"] = name
    return Translation(names)
