"""Makes `groupnl/card/imagenet_groups.yaml` of WordNet 3.0's nouns.

`python -m groupnl_studies.wordnet_groups dict/data.noun`; the file is WordNet's own, or Debian's of `wordnet-base`.
"""

import sys
import textwrap
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from groupnl.base.atomic_file import write_whole
from groupnl.card import imagenet

# Most classes of a group. All dogs are one group, and what is not alive is told apart more finely.
MOST_LIVING, MOST_OTHERS = 130, 60
LIVING_THING = "n00004475"  # organism
HEAD = f"""\
# Groups of ImageNet-1k's classes by WordNet 3.0: name of a synset, and the classes under it, as ImageNet numbers
# synsets. Again and again the synset was taken that most classes left lie under, but no more than
# {MOST_LIVING} living things (so that dogs are one group) or {MOST_OTHERS} others. Classes left alone are in none.
# Made by `python -m groupnl_studies.wordnet_groups`, of WordNet's data.noun, which says:
#
"""


class Synset(NamedTuple):
    """A noun's meaning.

    Attributes:
        name: its first word.
        above: the synsets that it is a kind of.
    """

    name: str
    above: tuple[str, ...]


def read_nouns(lines: Iterable[str]) -> dict[str, Synset]:
    """Synset, as ImageNet numbers it, -> what it is; the format is that of wndb(5WN)."""
    found = {}
    for line in lines:
        if line.startswith("  "):  # the licence
            continue
        fields = line.split("|")[0].split()
        pointers = fields[4 + 2 * int(fields[3], 16) + 1 :]
        kinds = zip(pointers[::4], pointers[1::4], strict=False)
        above = tuple(f"n{offset}" for symbol, offset in kinds if symbol in ("@", "@i"))
        found[f"n{fields[0]}"] = Synset(fields[4].replace("_", " "), above)
    return found


def groups_of(classes: Sequence[str], nouns: dict[str, Synset]) -> dict[str, list[str]]:
    """Name -> synsets of classes, in their order; groups of two or more, in the order of their first classes.

    Args:
        classes: synsets.
        nouns: see `read_nouns`.
    """
    under: dict[str, set[str]] = {}
    for synset in classes:
        for above in _with_all_above(synset, nouns):
            under.setdefault(above, set()).add(synset)
    heights = {synset: len(_with_all_above(synset, nouns)) for synset in under}
    small = [synset for synset, members in under.items() if len(members) <= _most(synset, nouns)]
    left, taken = set(classes), {}
    while left:
        # Of synsets with as many classes left the narrowest.
        best = max(small, key=lambda one: (len(under[one] & left), -len(under[one]), heights[one], one))
        taken[nouns[best].name] = [synset for synset in classes if synset in under[best] & left]
        left -= under[best]
    order = sorted(taken, key=lambda name: classes.index(taken[name][0]))
    return {name: taken[name] for name in order if len(taken[name]) > 1}


def _most(synset: str, nouns: dict[str, Synset]) -> int:
    return MOST_LIVING if LIVING_THING in _with_all_above(synset, nouns) else MOST_OTHERS


def _with_all_above(synset: str, nouns: dict[str, Synset]) -> Collection[str]:
    found, waiting = {synset}, [synset]
    while waiting:
        new = set(nouns[waiting.pop()].above) - found
        found |= new
        waiting += new
    return found


def as_text(groups: dict[str, list[str]], lines: Iterable[str]) -> str:
    """The whole file, with WordNet's licence, which it asks for.

    Args:
        groups: see `groups_of`.
        lines: of WordNet's file; the licence is what begins with two spaces and a number.
    """
    licence = [f"# {line.strip().partition(' ')[2]}".rstrip() for line in lines if line.startswith("  ")]
    wrapped = {name: textwrap.fill(", ".join(synsets), 112) for name, synsets in groups.items()}
    return (
        HEAD
        + "\n".join([*licence, ""])
        + "".join(f"{name}: [\n{textwrap.indent(text, '  ')}\n]\n" for name, text in wrapped.items())
    )


def main() -> None:
    """Read WordNet's nouns, write the file."""
    (source,) = sys.argv[1:]
    lines = Path(source).read_text(encoding="utf-8").splitlines()
    groups = groups_of(imagenet.imagenet_synsets(), read_nouns(lines))
    write_whole(Path(imagenet.__file__).with_name("imagenet_groups.yaml"), as_text(groups, lines))


if __name__ == "__main__":
    main()
