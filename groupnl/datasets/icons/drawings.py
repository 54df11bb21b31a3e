"""The drawings in the packages, each under the emoji key it shows.

Second step of `groupnl data icons`: one reader a package, because each names its files in its own way.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from groupnl.datasets.icons.emoji import TONES, Catalogue, key_of, tone_of
from groupnl.datasets.icons.sources import FLUENT, NOTO, OPENMOJI, TWEMOJI, read_members

OPENMOJI_TABLE = "data/openmoji.json"
FLUENT_TONES = dict(zip(("light", "medium-light", "medium", "medium-dark", "dark"), TONES, strict=True))
FLUENT_NAME = re.compile(r"(.+?)(?:-(default|light|medium-light|medium|medium-dark|dark))?")


@dataclass(frozen=True)
class Drawing:
    """One picture of one emoji.

    Attributes:
        style: who drew it, e.g. ``noto``.
        key: which emoji (see `emoji.key_of`).
        tone: skin tones, e.g. ``1F3FB``; empty for the default drawing.
        data: the file: PNG, or SVG where `vector`.
        vector: whether `data` is an SVG.
    """

    style: str
    key: str
    tone: str
    data: bytes
    vector: bool

    @property
    def name(self) -> str:
        """Return the file name without its ending: key, tone if any, style; unique in a data set."""
        return "_".join(part for part in (self.key.lower(), self.tone.lower(), self.style) if part)


Reader = Callable[[Path, Catalogue], Iterator[Drawing]]


def read_catalogue(tarball: Path) -> Catalogue:
    """Read the table of Unicode emoji from the OpenMoji package."""
    members = read_members(tarball, lambda path: path == OPENMOJI_TABLE)
    return Catalogue.from_openmoji(members[OPENMOJI_TABLE])


def _read_datasource(vendor: str, style: str, tarball: Path, catalogue: Catalogue) -> Iterator[Drawing]:
    folder = f"img/{vendor}/64/"
    members = read_members(tarball, lambda path: path == "emoji.json" or path.startswith(folder))
    for row in json.loads(members["emoji.json"]):
        key = key_of(row["unified"])
        for tone, variant in {"": row, **row.get("skin_variations", {})}.items():
            # Without this flag the picture is another vendor's, put there to fill the gap.
            if variant[f"has_img_{vendor}"]:
                yield Drawing(style, key, tone, members[folder + variant["image"]], vector=False)


def _read_openmoji(tarball: Path, catalogue: Catalogue) -> Iterator[Drawing]:
    folder = "color/svg/"
    members = read_members(tarball, lambda path: path == OPENMOJI_TABLE or path.startswith(folder))
    for row in json.loads(members[OPENMOJI_TABLE]):
        key = key_of(row["skintone_base_hexcode"] or row["hexcode"])
        if key in catalogue.subgroups:
            data = members[f"{folder}{row['hexcode']}.svg"]
            yield Drawing("openmoji", key, tone_of(row["hexcode"]), data, vector=True)


def _read_fluent(tarball: Path, catalogue: Catalogue) -> Iterator[Drawing]:
    # A few dozen files carry names of their own, not Unicode's; those are left out.
    for style in ("flat", "modern"):
        folder = f"icons/{style}/"
        for path, data in sorted(read_members(tarball, partial(_is_svg_in, folder)).items()):
            found = FLUENT_NAME.fullmatch(path.removeprefix(folder).removesuffix(".svg"))
            key = catalogue.keys.get(found[1]) if found else None
            if found and key:
                tone = FLUENT_TONES.get(found[2] or "default", "")
                yield Drawing(f"fluent-{style}", key, tone, data, vector=True)


def _is_svg_in(folder: str, path: str) -> bool:
    return path.startswith(folder) and path.endswith(".svg")


READERS: dict[str, Reader] = {
    NOTO.name: partial(_read_datasource, "google", "noto"),
    TWEMOJI.name: partial(_read_datasource, "twitter", "twemoji"),
    FLUENT.name: _read_fluent,
    OPENMOJI.name: _read_openmoji,
}


def read_drawings(tarballs: dict[str, Path]) -> tuple[Catalogue, list[Drawing]]:
    """Read every drawing of a Unicode emoji from the packages.

    Args:
        tarballs: package name -> tarball.

    Returns:
        The catalogue, and the drawings in a fixed order, no two with the same name.
    """
    catalogue = read_catalogue(tarballs[OPENMOJI.name])
    found = [drawing for name, path in tarballs.items() for drawing in READERS[name](path, catalogue)]
    return catalogue, _unique(drawing for drawing in found if drawing.key in catalogue.subgroups)


def _unique(drawings: Iterable[Drawing]) -> list[Drawing]:
    by_name: dict[str, Drawing] = {}
    for drawing in drawings:
        by_name.setdefault(drawing.name, drawing)
    return [by_name[name] for name in sorted(by_name)]
