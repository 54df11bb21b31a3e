"""Weights of torchvision's own networks, under the names and in the shapes of the same networks in timm.

Both networks are built without weights and their tensors laid side by side: of one shape the first is the first, and so
on, for both register their layers from the input to the output. What the two do not have alike (a convolution of one
pixel for a linear layer, a norm's epsilon) changes no answer.
"""

import re
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from functools import cache

import torch
from torch import Tensor, nn

from groupnl.models.architecture import create
from groupnl.models.translation import Translation

# torchvision's name -> timm's, of networks whose tensors have other names there; DenseNets' have in old files alone.
NETWORKS = {
    "convnext_tiny": "convnext_tiny",
    "convnext_small": "convnext_small",
    "convnext_base": "convnext_base",
    "convnext_large": "convnext_large",
    **{f"densenet{depth}": f"densenet{depth}" for depth in (121, 161, 169, 201)},
    **{f"efficientnet_b{size}": f"efficientnet_b{size}" for size in range(8)},
    "efficientnet_v2_s": "efficientnetv2_s",
    "efficientnet_v2_m": "efficientnetv2_m",
    "efficientnet_v2_l": "efficientnetv2_l",
    "mnasnet0_5": "mnasnet_050",
    "mnasnet0_75": "mnasnet_075",
    "mnasnet1_0": "mnasnet_100",
    "mobilenet_v2": "mobilenetv2_100",
    "mobilenet_v3_large": "mobilenetv3_large_100",
    "mobilenet_v3_small": "mobilenetv3_small_100",
    "regnet_x_400mf": "regnetx_004_tv",
    "regnet_x_800mf": "regnetx_008",
    "regnet_x_1_6gf": "regnetx_016",
    "regnet_x_3_2gf": "regnetx_032",
    "regnet_x_8gf": "regnetx_080",
    "regnet_x_16gf": "regnetx_160",
    "regnet_x_32gf": "regnetx_320",
    "regnet_y_400mf": "regnety_004",
    "regnet_y_800mf": "regnety_008_tv",
    "regnet_y_1_6gf": "regnety_016",
    "regnet_y_3_2gf": "regnety_032",
    "regnet_y_8gf": "regnety_080_tv",
    "regnet_y_16gf": "regnety_160",
    "regnet_y_32gf": "regnety_320",
    "regnet_y_128gf": "regnety_1280",
    "swin_t": "swin_tiny_patch4_window7_224",
    "swin_s": "swin_small_patch4_window7_224",
    "swin_b": "swin_base_patch4_window7_224",
    **{f"vgg{depth}{norm}": f"vgg{depth}{norm}" for depth in (11, 13, 16, 19) for norm in ("", "_bn")},
    "vit_b_16": "vit_base_patch16_224",
    "vit_b_32": "vit_base_patch32_224",
    "vit_l_16": "vit_large_patch16_224",
    "vit_l_32": "vit_large_patch32_224",
    "vit_h_14": "vit_huge_patch14_224",
}
_TORCHVISIONS = {ours: theirs for theirs, ours in NETWORKS.items()}
# Names that torchvision's published files still have, and those that its networks have now.
_OLD = (
    (re.compile(r"\.mlp\.linear_1\."), ".mlp.0."),
    (re.compile(r"\.mlp\.linear_2\."), ".mlp.3."),
    (re.compile(r"(\.denselayer\d+\.(?:norm|conv))\.([12])\."), r"\1\2."),
)


def up_to_date(name: str) -> str:
    """The name that a tensor of an old file of torchvision's has in its network now."""
    for old, new in _OLD:
        name = old.sub(new, name)
    return name


def torchvisions_tensors(architecture: str) -> Translation | None:
    """What torchvision's tensors are in a network of timm's; None where torchvision does not have the network.

    Args:
        architecture: timm name, with or without a tag.
    """
    base = architecture.partition(".")[0]
    return _tensors(base, _TORCHVISIONS[base]) if base in _TORCHVISIONS else None


@cache
def _tensors(architecture: str, theirs: str) -> Translation | None:
    with torch.device("meta"):
        ours = create(architecture, num_classes=1000)
    other = _torchvisions(theirs)
    own, given = ours.state_dict(), other.state_dict()
    names = _side_by_side(own, given)
    if names is None:
        return None
    pairs = [(old, name) for old, name in names.items() if name]
    shapes = {name: tuple(own[name].shape) for old, name in pairs if own[name].shape != given[old].shape}
    epsilons = {name: _epsilon(other, old) - _epsilon(ours, name) for old, name in pairs if _is_variance(name)}
    return Translation(names, shapes, {name: more for name, more in epsilons.items() if more})


def _torchvisions(name: str) -> nn.Module:
    import torchvision  # takes a second, and most files need none of it

    with torch.random.fork_rng(devices=[]):
        try:
            with torch.device("meta"):
                network: nn.Module = torchvision.models.get_model(name, weights=None)
        except NotImplementedError:  # RegNets take their widths from tensors
            network = torchvision.models.get_model(name, weights=None)
    return network


def _side_by_side(own: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> dict[str, str] | None:
    """Names of torchvision's -> timm's; None where not each has its own."""
    left: dict[tuple[int, int], deque[str]] = defaultdict(deque)
    for name in own:
        if own[name].is_floating_point():
            left[_kind(own[name])].append(name)
    names = {}
    for name in _from_input_to_output(given):
        if not given[name].is_floating_point():
            names[name] = ""
        elif same := left[_kind(given[name])]:
            names[name] = same.popleft()
        else:
            return None
    return None if any(left.values()) else names


def _kind(tensor: Tensor) -> tuple[int, int]:
    """The shape, whether of a linear layer or of a convolution of that many pixels."""
    return (len(tensor) if tensor.ndim else 0), tensor.numel()


def _from_input_to_output(names: Iterable[str]) -> list[str]:
    """A RegNet's shortcut stands before its block in torchvision, and behind it in timm."""
    places: dict[str, int] = {}
    for place, name in enumerate(names):
        places.setdefault(_block(name), place)
    return sorted(names, key=lambda name: (places[_block(name)], ".proj." in name))


def _block(name: str) -> str:
    return re.split(r"\.(?:proj|f)\.", name, maxsplit=1)[0]


def _is_variance(name: str) -> bool:
    return name.endswith(".running_var")


def _epsilon(network: nn.Module, name: str) -> float:
    norm = network.get_submodule(name.rpartition(".")[0])
    return float(norm.eps)  # type: ignore[arg-type]
