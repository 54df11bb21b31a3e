"""Forms of one network: as timm builds it, and reparametrised, with the branches of its training made one layer.

A file may hold the weights of either. Files of older versions also hold what a network makes itself.
"""

from collections.abc import Collection, Mapping

import torch
from timm.models import reparameterize_model
from torch import Tensor, nn

from groupnl.models.architecture import create

# Methods of modules that timm knows to make one of their branches, or of a layer and its norm.
_JOINS = ("fuse", "reparameterize", "switch_to_deploy")
# Layers that only training asks: Inception's second classifier.
_OF_TRAINING = ("AuxLogits.",)
# Masks of attention: one for each window of an image, so how many there are is of its size and not of the network.
_MASK = "attn_mask"
_NEAR = 1e-5  # relative and absolute, of numbers that another version of the network has computed


def in_form_of(names: Collection[str], network: nn.Module) -> nn.Module:
    """The network in that of its forms whose weights have these names; as it was built where neither has.

    Args:
        names: of weights.
        network: as timm builds it.
    """
    if needed(network) <= set(names) or not _has_branches(network):
        return network
    joined: nn.Module = reparameterize_model(network)
    return joined if needed(joined) <= set(names) else network


def reparametrised_names(architecture: str) -> tuple[str, ...]:
    """Names of the weights of a network's reparametrised form, in order; none where it has no such form.

    Args:
        architecture: timm name.

    Raises:
        CheckpointError: see `create`.
    """
    with torch.device("meta"):
        if not _has_branches(create(architecture, num_classes=1000)):
            return ()
    joined = reparameterize_model(create(architecture, num_classes=1000), inplace=True)
    return tuple(joined.state_dict())


def needed(network: nn.Module) -> set[str]:
    """Names of a network's tensors that no answer can do without: all but the steps that its norms count."""
    return {name for name in network.state_dict() if not name.endswith("num_batches_tracked")}


def needless(tensors: Mapping[str, Tensor], network: nn.Module) -> set[str]:
    """The names of those tensors without which a network answers as it would with them.

    What it makes itself is so only where it makes the same: other tables of positions are another network's.

    Args:
        tensors: of a file, by the network's names.
        network: that is to be filled.
    """
    made = _made(network)
    alike = {name for name, tensor in tensors.items() if name in made and _are_alike(name, tensor, made[name])}
    return alike | {name for name in tensors if name.startswith(_OF_TRAINING)}


def made_otherwise(tensors: Mapping[str, Tensor], network: nn.Module) -> set[str]:
    """The names of those tensors that a network makes itself and makes otherwise.

    Args:
        tensors: of a file; of those that have names of the network's.
        network: to compare with.
    """
    made = _made(network)
    return {name for name, tensor in tensors.items() if name in made and not _are_alike(name, tensor, made[name])}


def _made(network: nn.Module) -> dict[str, Tensor]:
    """What a network makes itself: no file needs to hold it."""
    stored = network.state_dict().keys()
    return {name: made for name, made in network.named_buffers(remove_duplicate=False) if name not in stored}


def _are_alike(name: str, given: Tensor, made: Tensor) -> bool:
    if given.layout != torch.strided or given.is_quantized or given.is_meta:
        return False
    if name.endswith(_MASK):
        return given.shape[1:] == made.shape[1:]
    if given.shape != made.shape:
        return False
    near = max(_NEAR, torch.finfo(given.dtype).eps) if given.is_floating_point() else 0
    return torch.allclose(given.double(), made.double(), rtol=near, atol=near)


def _has_branches(network: nn.Module) -> bool:
    return any(hasattr(module, method) for module in network.modules() for method in _JOINS)
