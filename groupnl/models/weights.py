"""Which of a file's tensors are a network's weights.

They are found by the network's own names, whatever they lie in: training scripts put them into a dictionary of any name
(`model`, `state_dict`), and wrappers of the network put a prefix, or a chain of them, before each name (`module.`,
`_orig_mod.`, `model.`). A place is right when every name of the network is found there.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from groupnl.errors import CheckpointError
from groupnl.models.architecture import create
from groupnl.models.forms import reparametrised_names
from groupnl.models.misfit import misfit
from groupnl.models.other_libraries import translations
from groupnl.models.published_names import translated_by_timm
from groupnl.models.tensor_names import STEPS, is_counter, some
from groupnl.models.torchvision_weights import up_to_date
from groupnl.models.translation import Translation

Groups = Mapping[str, Mapping[str, Tensor]]
"""Dotted path of a dictionary in the file -> the tensors that lie in it, by name."""

# What torch's wrappers put into a name where they wrap a part of a network.
_WRAPPERS = "(?:module|_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module)"
_INSIDE = re.compile(rf"(?<=\.){_WRAPPERS}\.")
_FIRST = re.compile(rf"{_WRAPPERS}\.")
# A dictionary or prefix of averaged weights is called so, and that of the others where Lightning averages.
_AVERAGED = re.compile(r"(^|[._])(ema|swa|averaged)([._]|$)", re.IGNORECASE)
_NOT_AVERAGED = "current_model_state"
# How deep dictionaries are looked into; one may hold itself.
_DEPTH = 4


class Place(NamedTuple):
    """Where weights lie.

    Attributes:
        group: the dictionary.
        prefix: what stands before each of their names.
    """

    group: str
    prefix: str

    def __str__(self) -> str:
        return f"'{'.'.join(filter(None, self))}'"


def groups_of(content: Mapping[object, object], path: str = "", depth: int = _DEPTH) -> dict[str, dict[str, Tensor]]:
    """The tensors of a file's content, by the dictionary that they lie in."""
    tensors = {str(name): value for name, value in content.items() if isinstance(value, Tensor)}
    groups = {path: tensors} if tensors else {}
    for name, value in content.items():
        if isinstance(value, Mapping) and depth:
            groups |= groups_of(value, f"{path}.{name}" if path else str(name), depth - 1)
    return groups


def find_weights(groups: Groups, architecture: str, averaged: bool) -> dict[str, Tensor]:
    """The network's weights by its own names and in its order, and behind them whatever else has their prefix.

    Args:
        groups: the file's tensors.
        architecture: timm name.
        averaged: which are taken where averaged weights lie beside plain ones.

    Raises:
        CheckpointError: they are not there, in several places, or quantised.
    """
    own = _names(architecture)
    names = {name: None for name in own if not is_counter(name)}.keys()
    counts = _counts(groups, names)
    if whole := _whole(counts, names):
        return _taken(groups, whole, own, architecture, averaged)
    modern = {group: {up_to_date(name): tensor for name, tensor in its.items()} for group, its in groups.items()}
    for translation in translations(architecture):
        if found := _translated(modern, architecture, averaged, translation):
            return found
    if found := _reparametrised(groups, architecture, averaged) or _by_timm(groups, architecture, averaged, len(names)):
        return found
    nearest = _nearest(groups, counts)
    inside = _inside(groups[nearest.group], nearest.prefix)
    _refuse_quantised(inside)
    beside = [name for name in _layers(groups[nearest.group]) if not name.startswith(nearest.prefix)]
    what = misfit(architecture, names, dict.fromkeys(map(_unwrapped, inside)), beside)
    raise CheckpointError(f"the weights do not fit {architecture}: {what}")


def _translated(
    groups: Groups, architecture: str, averaged: bool, translation: Translation
) -> dict[str, Tensor] | None:
    """The network's weights under its own names, where the file has them under another library's; else None."""
    names = {name: None for name, own in translation.names.items() if own and not is_counter(own)}.keys()
    whole = _whole(_counts(groups, names), names)
    if not whole:
        return None
    theirs = {name: name for name in translation.names}
    return translation.translate(_taken(groups, whole, theirs, architecture, averaged))


def _reparametrised(groups: Groups, architecture: str, averaged: bool) -> dict[str, Tensor] | None:
    """The weights of the network's reparametrised form, where the file has that; else None."""
    own = {_unwrapped(name): name for name in reparametrised_names(architecture)}
    names = {name: None for name in own if not is_counter(name)}.keys()
    whole = _whole(_counts(groups, names), names) if own else []
    return _taken(groups, whole, own, architecture, averaged) if whole else None


def _by_timm(groups: Groups, architecture: str, averaged: bool, count: int) -> dict[str, Tensor] | None:
    """The network's weights under its own names, where the file has them under names that timm knows; else None.

    Args:
        groups: the file's tensors.
        architecture: timm name.
        averaged: see `find_weights`.
        count: how many tensors the network has; what has not half as many is no network.
    """
    large = [Place(group, "") for group, tensors in groups.items() if 2 * len(tensors) >= count]
    places = _preferred(large, averaged)
    if len(places) != 1:
        return None
    tensors = groups[places[0].group]
    _refuse_quantised(tensors)
    return translated_by_timm(architecture, _bare(tensors))


def _bare(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """By names without wrappers and without a prefix that all have; of what only counts, batch norms' steps alone."""
    bare = {
        _unwrapped(name): tensor for name, tensor in tensors.items() if name.endswith(STEPS) or not is_counter(name)
    }
    while len({name.partition(".")[0] for name in bare}) == 1 and all("." in name for name in bare):
        bare = {name.partition(".")[2]: tensor for name, tensor in bare.items()}
    return bare


def _counts(groups: Groups, names: Collection[str]) -> Counter[Place]:
    """How many of the names are found in each place."""
    found = dict.fromkeys(pair for group, tensors in groups.items() for pair in _places(group, tensors, names))
    return Counter(place for place, _ in found)


def _whole(counts: Counter[Place], names: Collection[str]) -> list[Place]:
    return [place for place, count in counts.items() if count == len(names)]


def _taken(
    groups: Groups, whole: list[Place], own: Mapping[str, str], architecture: str, averaged: bool
) -> dict[str, Tensor]:
    """The weights from the right one of the places where all of them lie."""
    _refuse_foreign_averages(groups, whole, averaged, architecture)
    place, *others = _preferred(whole, averaged)
    if others:
        raise CheckpointError(
            f"weights of {architecture} lie in several places, {place}, {some(others)}: save those that are meant alone"
        )
    _refuse_neighbours(groups[place.group], place, whole)
    tensors = _inside(groups[place.group], place.prefix)
    _refuse_quantised(tensors)
    return _renamed(tensors, own)


def _names(architecture: str) -> Mapping[str, str]:
    """The names of a network's tensors, by what they are without wrappers; in order."""
    with torch.device("meta"):  # names only
        network = create(architecture, num_classes=1000)
    return {_unwrapped(name): name for name in network.state_dict()}


def _unwrapped(name: str) -> str:
    return _INSIDE.sub("", name)


def _places(group: str, tensors: Mapping[str, Tensor], names: Collection[str]) -> Iterator[tuple[Place, str]]:
    """For each tensor every place in which it would be one of the network's, and which."""
    for name in tensors:
        starts = [0, *(dot.end() for dot in re.finditer(r"\.", name))]
        for start in starts:
            own = _unwrapped(name[start:])
            if own in names and not _FIRST.match(name, start):
                yield Place(group, name[:start]), own


def _renamed(tensors: Mapping[str, Tensor], names: Mapping[str, str]) -> dict[str, Tensor]:
    """By the network's own names and in their order; what is there twice, or not the network's, keeps its name."""
    found: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        own = names.get(_unwrapped(name), name)
        found[name if own in found else own] = tensor
    return {name: found[name] for name in dict.fromkeys((*names.values(), *found)) if name in found}


def _inside(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _preferred(whole: list[Place], averaged: bool) -> list[Place]:
    if any(place.group == _NOT_AVERAGED for place in whole):
        marked = [place for place in whole if place.group != _NOT_AVERAGED]
    else:
        marked = [place for place in whole if _AVERAGED.search(".".join(place))]
    plain = [place for place in whole if place not in marked]
    return (marked or plain) if averaged else (plain or marked)


def _refuse_quantised(tensors: Mapping[str, Tensor]) -> None:
    for name, tensor in tensors.items():
        if tensor.is_quantized:
            raise CheckpointError(
                f"the weights are quantised ({name} is {tensor.dtype}): save the state dict of the network in float, "
                "before it is quantised; `--precision int8` quantises what is packed"
            )


def _refuse_foreign_averages(groups: Groups, whole: list[Place], averaged: bool, architecture: str) -> None:
    """Averaged weights of another network mean that the file's is another; not where averages of this one are there."""
    is_averaged = any(_AVERAGED.search(".".join(place)) for place in whole)
    foreign = [group for group, tensors in groups.items() if _AVERAGED.search(group) and _layers(tensors)]
    if averaged and foreign and not is_averaged:
        raise CheckpointError(
            f"the averaged weights in '{foreign[0]}' do not fit {architecture}, as those beside them do: save the "
            "weights that are meant alone"
        )


def _refuse_neighbours(tensors: Mapping[str, Tensor], place: Place, whole: list[Place]) -> None:
    """A layer outside the prefix may be one that the network was trained with; a loss's vectors are not."""
    prefixes = tuple(other.prefix for other in whole if other.group == place.group)
    beside = [name for name in _layers(tensors) if not name.startswith(prefixes)]
    if beside:
        raise CheckpointError(
            f"beside the network's weights in {place} lie those of other layers ({some(beside)}): if the network "
            "answers without them, save its state dict alone"
        )


def _layers(tensors: Mapping[str, Tensor]) -> list[str]:
    return [name for name, tensor in tensors.items() if tensor.ndim > 1 and tensor.is_floating_point()]


def _nearest(groups: Groups, counts: Counter[Place]) -> Place:
    """The place where most names were found, or the first."""
    return counts.most_common(1)[0][0] if counts else Place(next(iter(groups)), "")
