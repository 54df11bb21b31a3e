"""Arguments that a network was built with beside its name: an archive holds none, so those that matter are refused."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from groupnl.errors import CheckpointError
from groupnl.models.architecture import usual_size

# Arguments of `timm.create_model` that its weights' names and shapes or its input tell, and those that only training
# knows.
_TOLD_OTHERWISE = re.compile(
    r"num_classes|in_chans|img_size|dynamic_img_size|dynamic_img_pad|strict_img_size|inference_mode|init_values"
    r"|(use_)?fc_norm|distillation|([a-z]+_)*drop(_path|_block)?_rate|bn_momentum|weight_init|zero_init_last"
    r"|head_init_(scale|bias)"
)
_FAST = "fast"  # begins the name of a pooling that computes the same in another way; alone it is of means


def of_script(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """What timm's training script gave its network, by the names of `timm.create_model`.

    Args:
        arguments: of the script.
    """
    pool, epsilon, others = (arguments.get(name) for name in ("gp", "bn_eps", "model_kwargs"))
    told: dict[str, Any] = dict(others) if isinstance(others, Mapping) else {}
    if isinstance(pool, str):
        told["global_pool"] = pool
    if isinstance(epsilon, float):
        told["bn_eps"] = epsilon
    return told


def refuse_other_arguments(network: nn.Module, architecture: str, said_by: str, arguments: Mapping[str, Any]) -> None:
    """Refuse weights of a network that was built with arguments that the architecture's name does not tell.

    Those that the weights tell are not looked at, nor are those that no answer depends on.

    Args:
        network: that was built by the name.
        architecture: the name.
        said_by: what holds the arguments, for the error.
        arguments: of `timm.create_model`.

    Raises:
        CheckpointError: the network would compute something else than the checkpoint's.
    """
    other = {name: value for name, value in arguments.items() if not _TOLD_OTHERWISE.fullmatch(name)}
    if "global_pool" in other and _pooling(network) in (None, _same_pooling(other["global_pool"])):
        del other["global_pool"]
    if {other.get("bn_eps")} == set(_epsilons(network)):
        del other["bn_eps"]
    if other:
        raise CheckpointError(
            f"{said_by}: {architecture} was built with {other}, which an archive cannot hold: train or export the "
            "network as timm builds it by its name"
        )


def is_flexible(arguments: Mapping[str, Any]) -> bool:
    """Whether a network takes images of other sizes than it was built for, and fits itself to them as it runs.

    Args:
        arguments: of `timm.create_model`.
    """
    return bool(arguments.get("dynamic_img_size")) or arguments.get("strict_img_size") is False


def refuse_other_size(architecture: str, said_by: str, arguments: Mapping[str, Any], size: int) -> None:
    """Refuse a size of images that a network was not built for, but fitted itself to as it ran.

    Such a network interpolates its positions, or cuts the image into other windows than one that is built for the size.

    Args:
        architecture: its name.
        said_by: what holds the arguments, for the error.
        arguments: of `timm.create_model`.
        size: of the images' sides, pixels.

    Raises:
        CheckpointError: so it is.
    """
    built = arguments.get("img_size") or usual_size(architecture)
    if built and is_flexible(arguments) and built not in (size, [size, size], (size, size)):
        raise CheckpointError(
            f"{said_by}: {architecture} was built for images of {built} pixels and fits itself to those of {size} as "
            "it runs, which an archive's network does not: give --input-size with the size that it was built for"
        )


def _pooling(network: nn.Module) -> str | None:
    """What a network does with its last maps; None where it does not say."""
    head = getattr(network, "head", None)
    places = ((head, "global_pool"), (head, "pool_type"), (network, "global_pool"))
    for pool in (getattr(owner, name, None) for owner, name in places):
        kind = getattr(pool, "pool_type", pool)
        if isinstance(kind, str):
            same: str = _same_pooling(kind)
            return same
    return None


def _same_pooling(kind: Any) -> Any:
    return (kind.removeprefix(_FAST) or "avg") if isinstance(kind, str) and kind.startswith(_FAST) else kind


def _epsilons(network: nn.Module) -> Iterator[float]:
    return (module.eps for module in network.modules() if isinstance(module, _BatchNorm))
