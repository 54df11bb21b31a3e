"""groupnl archive --groups: which classes belong together, from a file, from WordNet, from confusions."""

import json
import zipfile
from pathlib import Path

import pytest
import torch
from support.tiny import CLASSES, tiny_card, tiny_checkpoint
from torch import Tensor, nn

from groupnl.archive.groups import GROUPS_FILE, ClassGroups, class_groups, load_groups
from groupnl.archive.probe import ProbeSet
from groupnl.card.imagenet import imagenet_classes, imagenet_groups, imagenet_synsets
from groupnl.cli import main
from groupnl.errors import ArchiveError, ConfigError

MODEL = nn.Identity()


class _Unsure(nn.Module):
    """Gives to the first class 2, to the second 1.9, to all others 0, whatever it sees."""

    def forward(self, images: Tensor) -> Tensor:
        logits = torch.zeros(len(images), len(CLASSES))
        logits[:, 0], logits[:, 1] = 2, 1.9
        return logits


def _file(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "groups.yaml"
    file.write_text(text)
    return file


def test_a_file_goes_into_the_archive(tmp_path: Path) -> None:
    file = _file(tmp_path, f"warm: [{CLASSES[0]}, {CLASSES[2]}]\n")
    words = ["archive", str(tiny_checkpoint(tmp_path)), "--model-name", "tiny", "--engine", "eager"]
    assert main([*words, "--output", str(tmp_path), "--groups", str(file)]) == 0
    with zipfile.ZipFile(tmp_path / "tiny.mar") as archive:
        archive.extract(GROUPS_FILE, tmp_path / "unpacked")
    found = load_groups(tmp_path / "unpacked")
    assert found == ClassGroups(source="file", groups={"warm": (CLASSES[0], CLASSES[2])})
    numbers = found.of_classes(CLASSES)
    assert numbers[0] == numbers[2]
    assert len(set(numbers)) == len(CLASSES) - 1


def test_a_group_is_no_class_of_the_same_name() -> None:
    groups = ClassGroups(source="file", groups={"red": ("blue", "green")})
    assert groups.of_classes(["red", "blue", "green"]) == [0, 1, 1]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("warm: [purple]\n", "the group 'warm' in .* has 'purple', which is no class of the network"),
        ("warm: red\n", "is no file of groups"),
        (f"a: [{CLASSES[0]}]\nb: [{CLASSES[0]}]\n", f"'{CLASSES[0]}' stands in 'a' and in 'b'; leave it in one"),
        ("- red\n", "must be a mapping"),
    ],
)
def test_files_that_cannot_be_used(text: str, problem: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=problem):
        class_groups(_file(tmp_path, text), tiny_card(), MODEL, None)


def test_imagenets_come_from_wordnet() -> None:
    groups = imagenet_groups()
    members = [synset for synsets in groups.values() for synset in synsets]
    assert len(members) == len(set(members)) == 966
    assert set(members) <= set(imagenet_synsets())
    (cats,) = [name for name, synsets in groups.items() if "n02123045" in synsets]  # tabby
    assert cats == "feline"
    assert {"n02123159", "n02129165"} <= set(groups[cats])  # tiger cat, lion
    assert "n04133789" not in groups[cats]  # sandal


@pytest.mark.parametrize("names", ["words", "synsets"])
def test_a_network_of_some_of_imagenets_classes_has_wordnets_groups(names: str) -> None:
    all_names = imagenet_classes() if names == "words" else imagenet_synsets()
    some = tuple(all_names[place] for place in (281, 282, 774))  # tabby, tiger cat, sandal
    card = tiny_card().model_copy(update={"classes": some})
    assert class_groups(None, card, MODEL, None) == ClassGroups(source="wordnet", groups={"feline": some[:2]})


def test_else_classes_that_are_confused_belong_together() -> None:
    labels = torch.tensor([0, 1, 2])
    probe = ProbeSet(torch.zeros(3, 3, 32, 32, dtype=torch.uint8), labels)
    found = class_groups(None, tiny_card(), _Unsure(), probe)
    members = (CLASSES[0], CLASSES[1])
    assert found == ClassGroups(source="confusions", groups={" + ".join(members): members})
    assert class_groups(None, tiny_card(), _Unsure(), None) is None


def test_an_archive_without_groups(tmp_path: Path) -> None:
    assert load_groups(tmp_path) is None


def test_a_damaged_record_is_refused(tmp_path: Path) -> None:
    (tmp_path / GROUPS_FILE).write_text(json.dumps({"source": "dreams", "groups": {}}))
    with pytest.raises(ArchiveError, match=r"groups\.json cannot be used"):
        load_groups(tmp_path)
