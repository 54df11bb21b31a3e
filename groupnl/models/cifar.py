"""ResNets for images of 32 pixels: timm's, with a first convolution of 3x3 and stride 1, and no pooling after it.

That stem is the one of He et al., Deep Residual Learning, CVPR 2016, section 4.2 (arXiv 1512.03385), under the blocks
and widths of their networks for ImageNet, as is usual for CIFAR. State dicts have timm's names, as torchvision's have.
The published GroupNL code has no such networks; `groupnl.models.families` tells what becomes GroupNL in ours.
"""

from collections.abc import Callable
from typing import Any

from timm.models import PretrainedCfg, generate_default_cfgs, model_entrypoint, register_model
from torch import nn

from groupnl.models.families import initialise_as_resnet

NETWORKS = {f"{name}_cifar": name for name in ("resnet18", "resnet50", "resnet101")}
"""Our name -> timm's, of the network for larger images."""
_CFG = PretrainedCfg(
    num_classes=10,
    input_size=(3, 32, 32),
    pool_size=(4, 4),
    crop_pct=1.0,
    interpolation="bicubic",
    mean=(0.4914, 0.4822, 0.4465),  # of CIFAR-10's training images
    std=(0.2470, 0.2435, 0.2616),
    first_conv="conv1",
    classifier="fc",
)
_STEM_STRIDE = 4  # that is left out: 2 of the convolution, of which the first maps have one half, and 2 of the pooling


def _entrypoint(name: str) -> Callable[..., nn.Module]:
    def build(pretrained: bool = False, **kwargs: Any) -> nn.Module:
        if pretrained:
            raise ValueError(f"there are no published weights for {name}: build it with pretrained=False")
        if kwargs.get("pretrained_cfg") is None:
            kwargs["pretrained_cfg"] = default_cfgs[name].default
        network: nn.Module = model_entrypoint(NETWORKS[name])(pretrained=False, **kwargs)
        _shorten(network, kwargs.get("in_chans", 3))
        cfg: Any = getattr(network, "pretrained_cfg", None)
        if cfg is not None:  # timm's feature extractors have none
            cfg["architecture"] = name
        return network

    build.__name__ = build.__qualname__ = name
    build.__doc__ = f"{NETWORKS[name]} with a stem for images of 32 pixels."
    return build


def _shorten(network: nn.Module, channels: int) -> None:
    """Give a ResNet the small stem, in place."""
    width = network.get_submodule("bn1").num_features
    stem = nn.Conv2d(channels, width, kernel_size=3, padding=1, bias=False)  # type: ignore[arg-type]
    initialise_as_resnet(stem)
    network.conv1 = stem
    if hasattr(network, "maxpool"):
        network.maxpool = nn.Identity()
    information: Any = network.feature_info
    for place, each in enumerate(getattr(information, "info", information)):
        each["reduction"] //= _STEM_STRIDE if place else _STEM_STRIDE // 2


# timm's register_model reads this name from the module.
default_cfgs = generate_default_cfgs(dict.fromkeys(NETWORKS, _CFG))

for _name in NETWORKS:
    globals()[_name] = register_model(_entrypoint(_name))
