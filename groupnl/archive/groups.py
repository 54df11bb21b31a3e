"""Groups of classes in an archive: an answer that changes inside one matters less than one that leaves it.

Whoever packs names them. Else ImageNet's come from WordNet, and others from what the network confuses on its probe set.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, Self

import torch
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError, model_validator
from torch import Tensor, nn

from groupnl.archive.json_record import read_json_record
from groupnl.archive.probe import ProbeSet
from groupnl.base.problems import problems
from groupnl.base.yaml_file import read_mapping
from groupnl.card import ModelCard
from groupnl.card.imagenet import imagenet_classes, imagenet_groups, imagenet_synsets
from groupnl.errors import ConfigError
from groupnl.inference.engines.torch_engine import TorchEngine
from groupnl.robustness.confusions import confused_classes

GROUPS_FILE = "groups.json"
_BATCH = 32

Source = Literal["file", "wordnet", "confusions"]
_Groups = dict[str, tuple[str, ...]]


class ClassGroups(BaseModel):
    """Which classes belong together; each class that is in no group is one of its own.

    Attributes:
        format: version of this record.
        source: a file that was given, WordNet, or confusions on the probe set.
        groups: name -> classes.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[1] = 1
    source: Source
    groups: _Groups

    @model_validator(mode="after")
    def _each_class_once(self) -> Self:
        seen: dict[str, str] = {}
        for name, members in self.groups.items():
            for member in members:
                if member in seen:
                    raise ValueError(
                        f"the class {member!r} stands in {seen[member]!r} and in {name!r}; leave it in one"
                    )
                seen[member] = name
        return self

    def of_classes(self, classes: Sequence[str]) -> list[int]:
        """The number of each class's group, in the order of the classes."""
        group_of = {member: name for name, members in self.groups.items() for member in members}
        numbers: dict[tuple[str, bool], int] = {}
        keys = [(group_of.get(name, name), name in group_of) for name in classes]
        return [numbers.setdefault(key, len(numbers)) for key in keys]


def class_groups(file: Path | None, card: ModelCard, network: nn.Module, probe: ProbeSet | None) -> ClassGroups | None:
    """The groups that go into an archive; None where nothing tells any.

    Args:
        file: YAML or JSON, group -> list of class names; None: nobody named any.
        card: of the network.
        network: in evaluation mode.
        probe: labelled images, or None.

    Raises:
        ConfigError: the file cannot be read, is not of that form, or names a class that the network has not.
    """
    if file is not None:
        return _read(file, card)
    if groups := _of_imagenet(card.classes):
        return ClassGroups(source="wordnet", groups=groups)
    if probe is not None and (groups := _of_confusions(card, network, probe)):
        return ClassGroups(source="confusions", groups=groups)
    return None


def load_groups(folder: Path) -> ClassGroups | None:
    """The groups of an unpacked archive; None where it has none.

    Raises:
        ArchiveError: the file cannot be used.
    """
    file = folder / GROUPS_FILE
    return read_json_record(file, ClassGroups) if file.exists() else None


def _read(file: Path, card: ModelCard) -> ClassGroups:
    content = read_mapping(file)
    try:
        groups = ClassGroups(source="file", groups=TypeAdapter(_Groups).validate_python(content))
    except ValidationError as error:
        raise ConfigError(f"{file} is no file of groups, name: [class, class, ...]: {problems(error)}") from None
    known = set(card.classes)
    for name, members in groups.groups.items():
        if unknown := [member for member in members if member not in known]:
            raise ConfigError(f"the group {name!r} in {file} has {unknown[0]!r}, which is no class of the network")
    return groups


def _of_imagenet(classes: Sequence[str]) -> _Groups:
    """WordNet's groups of classes that all are ImageNet's, by name or by synset; else none."""
    names = dict(zip(imagenet_synsets(), imagenet_classes(), strict=True))
    called: Mapping[str, str]
    if set(classes) <= set(names.values()):
        called = names
    elif set(classes) <= names.keys():
        called = {synset: synset for synset in names}
    else:
        return {}
    served = set(classes)
    found = {
        name: tuple(called[synset] for synset in synsets if called[synset] in served)
        for name, synsets in imagenet_groups().items()
    }
    return {name: members for name, members in found.items() if len(members) > 1}


def _of_confusions(card: ModelCard, network: nn.Module, probe: ProbeSet) -> _Groups:
    engine = TorchEngine(network, card.input, torch.device("cpu"), torch.float32)
    logits: Tensor = torch.cat([engine(pixels) for pixels in torch.split(probe.pixels, _BATCH)])
    groups = confused_classes(logits.softmax(dim=1), probe.labels)
    return {
        " + ".join(members): members for members in (tuple(card.classes[place] for place in group) for group in groups)
    }
