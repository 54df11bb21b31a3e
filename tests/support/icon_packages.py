"""Tiny packages of drawings, laid out like the real ones: twelve emoji, five styles, no network."""

import io
import json
import tarfile
from pathlib import Path

from PIL import Image, ImageDraw

from groupnl.datasets.icons.sources import FLUENT, NOTO, OPENMOJI, TWEMOJI, Package, integrity_of

FACES = {f"1F60{n}": f"face {n}" for n in range(5)}
MAMMALS = {f"1F43{n}": f"mammal {n}" for n in range(5)}
SURFER, SURFING_MAN = "1F3C4", "1F3C4-200D-2642-FE0F"
SPORT = {SURFER: "person surfing", SURFING_MAN: "man surfing", "1F6A3": "rowing", "1F3CA": "swim", "1F6B4": "bike"}
FEW = {"1F1E6": "too few"}
TONED = {SURFER, SURFING_MAN}
TONES = {"1F3FB": "light", "1F3FF": "dark"}
SUBGROUPS = {"face-smiling": FACES, "animal-mammal": MAMMALS, "person-sport": SPORT, "flag": FEW}
NEW = "1F43F"
"""Drawn by OpenMoji only."""


def _colour(name: str) -> str:
    return f"#{hash_colour(name):06x}"


def hash_colour(name: str) -> int:
    return sum((index + 7) * ord(letter) * 977 for index, letter in enumerate(name)) % 0xFFFFFF


def _png(name: str) -> bytes:
    image = Image.new("RGBA", (64, 64))
    ImageDraw.Draw(image).ellipse((4, 8, 60, 56), fill=_colour(name))
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


def _svg(name: str) -> bytes:
    shape = f'<circle cx="36" cy="36" r="20" fill="{_colour(name)}"/>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 72 72">{shape}</svg>'.encode()


def with_tone(hexcode: str, tone: str) -> str:
    first, dash, rest = hexcode.partition("-")
    return f"{first}-{tone}{dash}{rest}"


def _datasource(vendor: str) -> dict[str, bytes]:
    rows, files = [], {}
    for subgroup, emoji in SUBGROUPS.items():
        for code in emoji:
            row = _variant(vendor, code, files) | {"subcategory": subgroup}
            if code in TONED:
                row["skin_variations"] = {tone: _variant(vendor, with_tone(code, tone), files) for tone in TONES}
            rows.append(row)
    # A gap filled with another vendor's picture, which must not be used.
    rows[0][f"has_img_{vendor}"] = False
    return {"emoji.json": json.dumps(rows).encode(), "README.md": b"licences", **files}


def _variant(vendor: str, code: str, files: dict[str, bytes]) -> dict[str, object]:
    image = f"{code.lower()}.png"
    files[f"img/{vendor}/64/{image}"] = _png(vendor + code)
    return {"unified": code, "image": image, f"has_img_{vendor}": True}


def _row(code: str, group: str, subgroup: str, name: str, base: str = "") -> dict[str, object]:
    tone = 1 if base else ""
    return {
        "hexcode": code, "group": group, "subgroups": subgroup, "annotation": name,
        "skintone": tone, "skintone_base_hexcode": base,
    }  # fmt: skip


def _openmoji() -> dict[str, bytes]:
    rows = [_row(code, "some-group", group, name) for group, emoji in SUBGROUPS.items() for code, name in emoji.items()]
    rows += [
        _row(with_tone(code, tone), "some-group", "person-sport", "toned", code) for code in TONED for tone in TONES
    ]
    rows.append(_row(NEW, "some-group", "animal-mammal", "mammal new"))
    rows += [_row(f"E0{n:02}", "extras-openmoji", "brand", f"brand {n}") for n in range(9)]
    rows += [_row(f"1F9B{n}", "component", "hair-style", f"hair {n}") for n in range(9)]
    files = {f"color/svg/{row['hexcode']}.svg": _svg(f"openmoji{row['hexcode']}") for row in rows}
    return {"data/openmoji.json": json.dumps(rows).encode(), **files}


def _fluent() -> dict[str, bytes]:
    names = {name.replace(" ", "-"): code for emoji in SUBGROUPS.values() for code, name in emoji.items()}
    files = [
        f"{name}{suffix}"
        for name, code in names.items()
        for suffix in (("-default", *(f"-{tone}" for tone in TONES.values())) if code in TONED else ("",))
    ]
    files.append("a-name-of-its-own")
    return {f"icons/{style}/{name}.svg": _svg(style + name) for style in ("flat", "modern") for name in files}


def write_tarball(path: Path, files: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(f"package/{name}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


def make_packages(cache: Path) -> tuple[Package, ...]:
    """Write the four tarballs into `cache`, and return their packages, pinned to what was written."""
    contents = {
        NOTO: _datasource("google"), TWEMOJI: _datasource("twitter"), FLUENT: _fluent(), OPENMOJI: _openmoji(),
    }  # fmt: skip
    return tuple(
        package.model_copy(
            update={"integrity": integrity_of(write_tarball(cache / f"{package.name}-{package.version}.tgz", files))}
        )
        for package, files in contents.items()
    )
