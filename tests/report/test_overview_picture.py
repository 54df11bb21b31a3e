"""docs/overview.svg: no text runs into another, out of its box or out of the picture, also in a wide font."""

from itertools import combinations
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import matplotlib
from PIL import ImageFont

PICTURE = Path(__file__).parents[2] / "docs" / "overview.svg"
# Where there is neither Helvetica nor Arial, a browser takes what the system has: often DejaVu, which is wider.
FONTS = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
SVG = "{http://www.w3.org/2000/svg}"


class Span(NamedTuple):
    """Where words lie, px."""

    words: str
    left: float
    right: float
    top: float
    bottom: float


def _width(words: str, style: dict[str, str]) -> float:
    bold = style.get("font-weight") == "bold"
    font = ImageFont.truetype(FONTS / ("DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"), 100)
    return font.getlength(words) * float(style["font-size"]) / 100


def _spans(element: ElementTree.Element, style: dict[str, str], down: float = 0.0) -> list[Span]:
    style = {**style, **element.attrib}
    if "transform" in element.attrib:
        down += float(element.attrib["transform"].removesuffix(")").split()[1])
    if element.tag != f"{SVG}text":
        return [span for child in element for span in _spans(child, style, down)]
    parts = [(element.text or "", style)]
    parts += [(child.text or "", {**style, **child.attrib}) for child in element]
    width = sum(_width(words, own) + float(own.get("dx", 0)) for words, own in parts)
    left = float(style["x"]) - (width / 2 if style.get("text-anchor") == "middle" else 0)
    base, size = float(style["y"]) + down, float(style["font-size"])
    return [Span("".join(words for words, _ in parts), left, left + width, base - 0.75 * size, base + 0.2 * size)]


def _apart(one: Span, other: Span) -> bool:
    return one.right < other.left or other.right < one.left or one.bottom <= other.top or other.bottom <= one.top


ROOT = ElementTree.parse(PICTURE).getroot()
SPANS = _spans(ROOT, {})


def test_texts_lie_apart() -> None:
    assert len(SPANS) > 40
    assert [(a.words, b.words) for a, b in combinations(SPANS, 2) if not _apart(a, b)] == []


def test_texts_lie_in_the_picture() -> None:
    width, height = (float(ROOT.attrib[side]) for side in ("width", "height"))
    assert [s.words for s in SPANS if s.left < 0 or s.right > width or s.top < 0 or s.bottom > height] == []


def test_texts_lie_in_their_boxes() -> None:
    boxes = [box.attrib for box in ROOT.iter(f"{SVG}rect") if box.attrib.get("rx")]
    assert len(boxes) == 10
    for box in boxes:
        left, top = float(box["x"]), float(box["y"])
        right, bottom = left + float(box["width"]), top + float(box["height"])
        inside = [s for s in SPANS if top < s.top < bottom and left < (s.left + s.right) / 2 < right]
        assert inside
        assert [s.words for s in inside if s.left < left + 2 or s.right > right - 2] == []
