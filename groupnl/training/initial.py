"""Weights to begin with: what a network and a checkpoint have in common is copied; the rest is new, and told."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import timm
from torch import Tensor, nn

from groupnl.base.texts import counted
from groupnl.card import Origin
from groupnl.errors import CheckpointError, ConfigError
from groupnl.models import VARIANTS, Checkpoint, load_checkpoint
from groupnl.models.architecture import COLOUR
from groupnl.models.tensor_names import is_counter, some
from groupnl.models.trained import Trained, open_trained


class Copied(NamedTuple):
    """What a network got from a checkpoint.

    Attributes:
        copied: how many tensors were.
        new: names of those that were not, as the network was built; steps of batch norms are not counted.
        left: names of the checkpoint's that have no place in the network.
        remarks: what else is to be told, a sentence each.
    """

    copied: int
    new: tuple[str, ...]
    left: tuple[str, ...]
    remarks: tuple[str, ...]

    def __str__(self) -> str:
        told = [f"{counted(self.copied, 'tensor')} copied, {len(self.new)} new, {len(self.left)} left out"]
        return "; ".join([*told, *self.remarks])


def open_related(path: Path, architecture: str) -> Trained:
    """Open a checkpoint; one that does not name an architecture of timm's is taken for a relative of a network.

    Args:
        path: of the checkpoint, see `load_checkpoint`.
        architecture: timm name of the network; it, its standard twin, or a GroupNL form of it is looked for.

    Raises:
        CheckpointError: it cannot be used, or holds none of them.
    """
    checkpoint = load_checkpoint(path)
    if checkpoint.card or (checkpoint.architecture and timm.is_model(checkpoint.architecture)):
        return open_trained(path)
    found = next((name for name in _relatives(architecture) if _holds(checkpoint, name)), architecture)
    return open_trained(path, architecture=found)


def origin_of(source: Trained, role: str, said: object) -> Origin:
    """How a record names a checkpoint, see `Origin`."""
    return Origin.model_validate(
        {
            "role": role,
            "file": source.path.name,
            "architecture": source.architecture,
            "sha256": source.sha256,
            "said": str(said),
        }
    )


def copy_weights(network: nn.Module, architecture: str, classes: Sequence[str], source: Trained, option: str) -> Copied:
    """Copy what a checkpoint has of a network's weights, in place.

    Left as they were built are the classifier, where the classes are others, and the layers that a GroupNL network has
    in the place of the standard one's convolutions, where the two are different forms of one network.

    Where batch norms add another epsilon than the checkpoint's, its variances make up for it, so that the network
    evaluates as the checkpoint does. In training, batches have variances of their own: channels with nearly none, near
    the epsilons, are divided by other numbers than in the checkpoint's training.

    Args:
        network: to be filled.
        architecture: its timm name.
        classes: its class names, in the order of its logits.
        source: the checkpoint.
        option: that named it, for errors.

    Raises:
        ConfigError: another tensor of either is not the other's.
    """
    own, given = dict(network.state_dict()), dict(source.network.state_dict())
    remarks = _classifier_remarks(classes, source)
    free = (*(_named(network, "classifier") if remarks else ()), *_replaced(network, architecture, source.architecture))
    stems = [f"{name}.weight" for name in _named(network, "first_conv")]
    fitting: dict[str, Tensor] = {}
    for name in own:
        if name not in given or _within(name, free):
            continue
        if name in stems and COLOUR * given[name].shape[1] == own[name].shape[1]:
            given[name] = _for_colours(given[name])
            remarks.append(f"{name} was of grey images: adapted to colours")
        if given[name].shape == own[name].shape:
            fitting[name] = given[name]
    new = tuple(name for name in own if name not in fitting and not is_counter(name))
    left = tuple(name for name in given if name not in fitting and not is_counter(name))
    if foreign := [name for name in dict.fromkeys((*new, *left)) if not _within(name, free)]:
        raise ConfigError(
            f"{option} {source.path}: the weights are of {source.architecture}, and {counted(len(foreign), 'tensor')} "
            f"more than the classifier's do not fit {architecture} ({some(foreign)}): name a checkpoint of it"
            + (f", or of {VARIANTS[architecture].twin}" if architecture in VARIANTS else "")
        )
    network.load_state_dict(fitting, strict=False)
    _carry_epsilons(network, source.network, fitting)
    return Copied(sum(not is_counter(name) for name in fitting), new, left, tuple(remarks))


def _relatives(architecture: str) -> tuple[str, ...]:
    twin = _twin(architecture)
    return (architecture, twin, *(name for name, variant in VARIANTS.items() if variant.twin == twin))


def _twin(architecture: str) -> str:
    name = architecture.partition(".")[0]
    return VARIANTS[name].twin if name in VARIANTS else name


def _holds(checkpoint: Checkpoint, architecture: str) -> bool:
    try:
        return timm.is_model(architecture) and bool(checkpoint.weights_of(architecture))
    except CheckpointError:
        return False


def _classifier_remarks(classes: Sequence[str], source: Trained) -> list[str]:
    """Why the classifier must be new, if it must."""
    if source.class_count != len(classes):
        return [f"the classifier is new: {len(classes)} classes, the checkpoint has {source.class_count}"]
    if source.classes is not None and tuple(source.classes) != tuple(classes):
        return ["the classifier is new: the checkpoint's classes are others, or in another order"]
    return []


def _named(network: nn.Module, place: str) -> tuple[str, ...]:
    """The modules that timm's configuration of a network names, none, one or several."""
    names = getattr(network, "default_cfg", {}).get(place) or ()
    return (names,) if isinstance(names, str) else tuple(names)


def _replaced(network: nn.Module, *architectures: str) -> tuple[str, ...]:
    """The layers that GroupNL replaces, where architectures are two of which one is a GroupNL form at least."""
    if len(set(architectures)) == 1:
        return ()
    families = [VARIANTS[name].family for name in architectures if name in VARIANTS]
    return tuple(place.name for family in families for place in family.places(network))


def _within(name: str, modules: Iterable[str]) -> bool:
    return any(name.startswith(f"{module}.") for module in modules)


def _for_colours(weight: Tensor) -> Tensor:
    """Weights of a first convolution for grey images made such for colours: three equal ones give the same.

    A pixel's colours stand side by side, also where networks make channels of squares of pixels first.
    """
    return weight.repeat_interleave(COLOUR, dim=1) / COLOUR


def _carry_epsilons(network: nn.Module, source: nn.Module, copied: Iterable[str]) -> None:
    """Where batch norms add other numbers to the variance, take the difference into it: they evaluate the same then."""
    names, theirs = set(copied), dict(source.named_modules())
    for name, norm in network.named_modules():
        if isinstance(norm, nn.BatchNorm2d) and f"{name}.running_var" in names and norm.running_var is not None:
            norm.running_var += theirs[name].eps - norm.eps
