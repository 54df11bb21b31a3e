"""Which drawings are used, and for what: classes, skin tones, and the split by emoji and by style.

Third step of `groupnl data icons`; pure. Every choice hangs on a hash of the seed and of names, so that it
does not depend on the order of anything.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Literal

from groupnl.datasets.icons.drawings import Drawing
from groupnl.datasets.icons.emoji import Catalogue, base_of
from groupnl.errors import ConfigError

SkinTones = Literal["one", "all", "none"]
Split = Literal["train", "test_emoji", "test_style"]
SPLITS: tuple[Split, ...] = ("train", "test_emoji", "test_style")

TEST_SHARE = 0.2
MIN_TEST_BASES = 3
HELD_OUT_STYLE = "openmoji"


def digest(seed: int, *names: str) -> int:
    """Return 256 pseudo-random bits that depend on the seed and the names only."""
    return int.from_bytes(hashlib.sha256("|".join((str(seed), *names)).encode()).digest())


def bases_by_subgroup(drawings: Iterable[Drawing], catalogue: Catalogue) -> dict[str, set[str]]:
    """Collect the bases that are drawn in any style, by Unicode subgroup."""
    bases: dict[str, set[str]] = defaultdict(set)
    for drawing in drawings:
        bases[catalogue.subgroups[drawing.key]].add(base_of(drawing.key))
    return dict(bases)


def largest(bases: dict[str, set[str]], count: int) -> tuple[str, ...]:
    """Return the `count` subgroups with the most bases, ties by name; sorted by name.

    Raises:
        ConfigError: there are fewer subgroups, or one of them is too small to be split.
    """
    ranked = sorted(bases, key=lambda name: (-len(bases[name]), name))[:count]
    if len(ranked) < count or len(bases[ranked[-1]]) <= MIN_TEST_BASES:
        sizes = {name: len(bases[name]) for name in ranked}
        raise ConfigError(f"{count} subgroups of more than {MIN_TEST_BASES} emoji are needed, found {sizes}")
    return tuple(sorted(ranked))


def trainable(drawings: Sequence[Drawing]) -> list[Drawing]:
    """Drop the emoji that only the held-out style draws: there would be nothing to learn them from."""
    seen = {base_of(drawing.key) for drawing in drawings if drawing.style != HELD_OUT_STYLE}
    return [drawing for drawing in drawings if base_of(drawing.key) in seen]


def held_back_bases(bases: dict[str, set[str]], seed: int) -> frozenset[str]:
    """Choose the bases for testing: `TEST_SHARE` of each subgroup's, at least `MIN_TEST_BASES`."""
    chosen: set[str] = set()
    for members in bases.values():
        ranked = sorted(members, key=lambda base: digest(seed, "split", base))
        chosen.update(ranked[: max(MIN_TEST_BASES, round(TEST_SHARE * len(ranked)))])
    return frozenset(chosen)


def limit_tones(drawings: Iterable[Drawing], skin_tones: SkinTones, seed: int) -> list[Drawing]:
    """Keep the default drawings, and of the toned ones all, none, or one for each emoji and style."""
    kept: list[Drawing] = []
    toned: dict[tuple[str, str], list[Drawing]] = defaultdict(list)
    for drawing in drawings:
        (toned[drawing.style, drawing.key] if drawing.tone else kept).append(drawing)
    for variants in toned.values():
        ranked = sorted(variants, key=lambda drawing: digest(seed, "tone", drawing.name))
        kept += ranked[: {"one": 1, "all": len(ranked), "none": 0}[skin_tones]]
    return sorted(kept, key=lambda drawing: drawing.name)


def split_of(drawing: Drawing, held_back: frozenset[str]) -> Split | None:
    """Say which split a drawing belongs to.

    Training sees the emoji that are not held back, in every style but one. Each test changes one thing only:
    `test_emoji` is unseen emoji in seen styles, `test_style` is seen emoji in the unseen style; what would be
    both is not used.
    """
    unseen_emoji = base_of(drawing.key) in held_back
    if drawing.style == HELD_OUT_STYLE:
        return None if unseen_emoji else "test_style"
    return "test_emoji" if unseen_emoji else "train"
