"""What a drawing shows: emoji keys, the base that near-identical emoji share, and the Unicode subgroups.

`drawings` names every file by these keys, whatever the package calls it; `split` keeps the emoji of one base
together. All of it is pure; the table of subgroups is OpenMoji's, which covers all Unicode emoji.
"""

import json
import re
import unicodedata
from dataclasses import dataclass

TONES = ("1F3FB", "1F3FC", "1F3FD", "1F3FE", "1F3FF")
VARIATION_SELECTOR = "FE0F"
# Zero-width joiner, female and male sign, "facing right", red, curly, no and white hair.
MODIFIERS = {"200D", "2640", "2642", "27A1", "1F9B0", "1F9B1", "1F9B2", "1F9B3"}
# Gendered code point -> the gender-neutral one.
NEUTRAL = {
    "1F468": "1F9D1",  # man, woman -> adult
    "1F469": "1F9D1",
    "1F466": "1F9D2",  # boy, girl -> child
    "1F467": "1F9D2",
    "1F474": "1F9D3",  # old man, old woman -> older adult
    "1F475": "1F9D3",
    "1F478": "1FAC5",  # princess, prince -> person with crown
    "1F934": "1FAC5",
    "1F57A": "1F483",  # man dancing -> woman dancing
}
# Different code points, the same picture (but for gender).
SAME = {
    "1F385": "1F9D1-1F384",  # Santa Claus, Mrs. Claus -> Mx Claus
    "1F936": "1F9D1-1F384",
    "1F46A": "1F9D1-1F9D1-1F9D2",  # family
    "1F46B": "1F9D1-1F91D-1F9D1",  # two people holding hands
    "1F46C": "1F9D1-1F91D-1F9D1",
    "1F46D": "1F9D1-1F91D-1F9D1",
    "1F9D1-2764-1F9D1": "1F491",  # couple with heart
    "1F9D1-2764-1F48B-1F9D1": "1F48F",  # kiss
    "1F1E7-1F1FB": "1F1F3-1F1F4",  # the flags of territories that fly their country's flag
    "1F1F8-1F1EF": "1F1F3-1F1F4",
    "1F1E8-1F1F5": "1F1EB-1F1F7",
    "1F1F2-1F1EB": "1F1EB-1F1F7",
    "1F1E9-1F1EC": "1F1EE-1F1F4",
    "1F1EA-1F1E6": "1F1EA-1F1F8",
    "1F1ED-1F1F2": "1F1E6-1F1FA",
    "1F1FA-1F1F2": "1F1FA-1F1F8",
    "1F1E8-1F1F6": "1F1F8-1F1E6",  # Noto draws Sark with the picture of Saudi Arabia
}


def key_of(hexcode: str) -> str:
    """Name an emoji: its code points in upper-case hexadecimal, without FE0F and skin tones."""
    drop = {VARIATION_SELECTOR, *TONES}
    return "-".join(part for part in hexcode.upper().split("-") if part not in drop)


def tone_of(hexcode: str) -> str:
    """Return the skin tones in a hexcode, joined by ``-``; empty for the default drawing."""
    return "-".join(part for part in hexcode.upper().split("-") if part in TONES)


def base_of(key: str) -> str:
    """Return what the variants of one emoji share: the key without gender, hair and direction.

    A lone code point is kept even if it is a modifier elsewhere (27A1 by itself is the right arrow).
    """
    parts = key.split("-")
    kept = [part for part in parts if part not in MODIFIERS] or parts
    neutral = "-".join(NEUTRAL.get(part, part) for part in kept)
    return SAME.get(neutral, neutral)


def slug(name: str) -> str:
    """Turn a CLDR short name into a file name: ``man: deaf`` -> ``man-deaf``, lower case and ASCII."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")


@dataclass(frozen=True)
class Catalogue:
    """The Unicode emoji.

    Attributes:
        subgroups: emoji key -> Unicode subgroup, e.g. ``1F600`` -> ``face-smiling``.
        keys: slug of the CLDR short name -> emoji key.
    """

    subgroups: dict[str, str]
    keys: dict[str, str]

    @classmethod
    def from_openmoji(cls, table: bytes) -> "Catalogue":
        """Read openmoji.json, but for what is no emoji of Unicode's own: extras, tone and hair swatches."""
        subgroups: dict[str, str] = {}
        keys: dict[str, str] = {}
        for row in json.loads(table):
            if row["skintone"] or row["group"] == "component" or row["group"].startswith("extras"):
                continue
            key = key_of(row["hexcode"])
            subgroups.setdefault(key, row["subgroups"])
            keys.setdefault(slug(row["annotation"]), key)
        return cls(subgroups, keys)
