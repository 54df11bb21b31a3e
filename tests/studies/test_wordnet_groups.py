"""groupnl_studies.wordnet_groups: from WordNet's nouns to groups of classes."""

import pytest
import yaml

from groupnl_studies import wordnet_groups
from groupnl_studies.wordnet_groups import Synset, as_text, groups_of, read_nouns

# Number, file, kind, words in hexadecimal, words, pointers, pointers; the gloss after the bar.
LINES = [
    "  1 This database is provided under a licence.  ",
    '02123045 05 n 02 tabby 0 tabby_cat 0 002 @ 02121808 n 0000 ~ 02123159 n 0000 | a cat "striped"  ',
    "02123159 05 n 01 tiger_cat 0 001 @ 02121808 n 0000 | a cat  ",
    "02121808 05 n 01 domestic_cat 0 001 @ 00004475 n 0000 | any cat  ",
    "02085620 05 n 01 Chihuahua 0 001 @ 00004475 n 0000 | a dog  ",
    "00004475 03 n 01 organism 0 001 @ 00001740 n 0000 | alive  ",
    "04133789 06 n 01 sandal 0 001 @ 00001740 n 0000 | a shoe  ",
    "00001740 03 n 01 entity 0 000 | all  ",
]
CLASSES = ["n02085620", "n02123045", "n02123159", "n04133789"]


def test_nouns_are_read() -> None:
    nouns = read_nouns(LINES)
    assert nouns["n02123045"] == Synset("tabby", ("n02121808",))
    assert nouns["n02121808"].name == "domestic cat"
    assert len(nouns) == 7


def test_the_largest_synsets_become_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wordnet_groups, "MOST_OTHERS", 1)
    assert groups_of(CLASSES, read_nouns(LINES)) == {"organism": CLASSES[:3]}
    monkeypatch.setattr(wordnet_groups, "MOST_LIVING", 2)
    assert groups_of(CLASSES, read_nouns(LINES)) == {"domestic cat": CLASSES[1:3]}  # the others are alone


def test_the_file_has_the_licence_and_the_groups() -> None:
    text = as_text({"domestic cat": CLASSES[1:3]}, LINES)
    assert "# This database is provided under a licence.\n" in text
    assert yaml.safe_load(text) == {"domestic cat": CLASSES[1:3]}
