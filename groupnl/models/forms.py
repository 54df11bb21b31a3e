"""Forms of one network: as timm builds it, and reparametrised, with the branches of its training made one layer.

A file may hold the weights of either. Files of older versions also hold what a network makes itself.
"""

from collections.abc import Collection

import torch
from timm.models import reparameterize_model
from torch import nn

from groupnl.models.architecture import create

# Methods of modules that timm knows to make one of their branches, or of a layer and its norm.
_JOINS = ("fuse", "reparameterize", "switch_to_deploy")
# Layers that only training asks: Inception's second classifier.
_OF_TRAINING = ("AuxLogits.",)


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


def is_needless(name: str, network: nn.Module) -> bool:
    """Whether a network answers without a tensor that a file holds beside its weights.

    Args:
        name: of the tensor; it is not one of the network's weights.
        network: that is to be filled.
    """
    made = (buffer for buffer, _ in network.named_buffers(remove_duplicate=False))
    return name.startswith(_OF_TRAINING) or name in made


def _has_branches(network: nn.Module) -> bool:
    return any(hasattr(module, method) for module in network.modules() for method in _JOINS)
