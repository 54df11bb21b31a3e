"""The fifteen published GroupNL networks, and some that are not, one of them tiny, registered under their timm names.

Each is timm's standard network, its twin, with the layers of its family swapped. `timm.create_model` builds them once
`groupnl.models` is imported.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import timm
from timm.models import PretrainedCfg, generate_default_cfgs, model_entrypoint, register_model
from torch import nn

import groupnl.models.cifar  # noqa: F401 (registers the twins of those for CIFAR)
from groupnl.models.families import MOBILE, RESNET, RESNET_BASIC, NetworkFamily, swap


class Variant(NamedTuple):
    """One registered network.

    Attributes:
        name: timm registry name.
        twin: the standard network it is compared with, and built from.
        family: which layers are swapped.
        ratio: r of every swapped layer.
        sparse: whether their seed convolutions are sparse.
    """

    name: str
    twin: str
    family: NetworkFamily
    ratio: int
    sparse: bool


PUBLISHED = (
    Variant("gnl_resnet50", "resnet50", RESNET, ratio=2, sparse=True),
    Variant("gnl_resnet101", "resnet101", RESNET, ratio=2, sparse=True),
    Variant("gnl_std_r2_resnet50", "resnet50", RESNET, ratio=2, sparse=False),
    Variant("gnl_std_r2_resnet101", "resnet101", RESNET, ratio=2, sparse=False),
    Variant("gnl_std_r4_resnet50", "resnet50", RESNET, ratio=4, sparse=False),
    Variant("gnl_std_r4_resnet101", "resnet101", RESNET, ratio=4, sparse=False),
    Variant("mobilenetv2_gnl_100", "mobilenetv2_100", MOBILE, ratio=2, sparse=True),
    Variant("mobilenetv3_gnl_large_075", "mobilenetv3_large_075", MOBILE, ratio=2, sparse=True),
    Variant("mobilenetv3_gnl_large_100", "mobilenetv3_large_100", MOBILE, ratio=2, sparse=True),
    Variant("mobilenetv3_gnl_small_075", "mobilenetv3_small_075", MOBILE, ratio=2, sparse=True),
    Variant("mobilenetv3_gnl_small_100", "mobilenetv3_small_100", MOBILE, ratio=2, sparse=True),
    Variant("efficientnet_gnl_b0", "efficientnet_b0", MOBILE, ratio=2, sparse=True),
    Variant("efficientnet_gnl_lite0", "efficientnet_lite0", MOBILE, ratio=2, sparse=True),
    Variant("efficientnet_gnl_es", "efficientnet_es", MOBILE, ratio=2, sparse=True),
    Variant("efficientnetv2_gnl_s", "efficientnetv2_s", MOBILE, ratio=2, sparse=True),
)
TINY = Variant("test_gnl_efficientnet", "test_efficientnet", MOBILE, ratio=2, sparse=True)

# Not published: the paper's networks for small images are not in its code.
CIFAR = tuple(
    Variant(f"{prefix}_{twin}", twin, family, ratio=2, sparse=sparse)
    for twin, family in (("resnet18_cifar", RESNET_BASIC), ("resnet50_cifar", RESNET), ("resnet101_cifar", RESNET))
    for prefix, sparse in (("gnl", True), ("gnl_std_r2", False))
)

# Not published: Lite0 with TensorFlow's padding, as the weights for photographs have it that others published.
PADDED = (Variant("tf_efficientnet_gnl_lite0", "tf_efficientnet_lite0", MOBILE, ratio=2, sparse=True),)

VARIANTS = {variant.name: variant for variant in (*PUBLISHED, *CIFAR, *PADDED, TINY)}

# What of a twin's timm configuration holds for its GroupNL form too.
_INPUT_KEYS = (
    *("num_classes", "input_size", "pool_size", "crop_pct", "interpolation", "mean", "std"),
    *("first_conv", "classifier"),
)


def _default_cfg(variant: Variant) -> PretrainedCfg:
    """The twin's input configuration, without its weights: none were published for GroupNL."""
    twin = timm.get_pretrained_cfg(variant.twin)
    return PretrainedCfg(**{key: getattr(twin, key) for key in _INPUT_KEYS})


def _entrypoint(variant: Variant) -> Callable[..., nn.Module]:
    def build(pretrained: bool = False, **kwargs: Any) -> nn.Module:
        if pretrained:
            raise ValueError(
                f"there are no published weights for {variant.name}: build it with pretrained=False and load a "
                "checkpoint (groupnl.models.load_checkpoint)"
            )
        if kwargs.get("pretrained_cfg") is None:
            kwargs["pretrained_cfg"] = default_cfgs[variant.name].default
        network: nn.Module = model_entrypoint(variant.twin)(pretrained=False, **kwargs)
        swap(network, variant.family, variant.ratio, variant.sparse)
        cfg: Any = getattr(network, "pretrained_cfg", None)
        if cfg is not None:  # timm's feature extractors have none
            cfg["architecture"] = variant.name
        return network

    build.__name__ = build.__qualname__ = variant.name
    build.__doc__ = f"{variant.twin} with GroupNL layers, r = {variant.ratio}, sparse = {variant.sparse}."
    return build


# timm's register_model reads this name from the module.
default_cfgs = generate_default_cfgs({variant.name: _default_cfg(variant) for variant in VARIANTS.values()})

for _variant in VARIANTS.values():
    globals()[_variant.name] = register_model(_entrypoint(_variant))
