"""`groupnl corrupt`: one image under all corruptions and severities, as a labelled contact sheet."""

import argparse
from pathlib import Path
from typing import Annotated, Self

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from pydantic import AfterValidator, Field, model_validator
from torch import Tensor

from groupnl.base.atomic_file import replacing
from groupnl.base.numbers import Count
from groupnl.base.options import Options as BaseOptions
from groupnl.card import InputConfig
from groupnl.corruptions.corrupt import MIN_SIDE, CorruptionSpec, corrupt_each
from groupnl.corruptions.names import CELLS, NAMES, SEVERITIES
from groupnl.errors import ConfigError, InputError
from groupnl.images import Limits, Preprocess, decode

# As the paper groups them.
GROUPS = {"noise": 3, "blur": 4, "weather": 4, "digital": 4, "validation": 4}
MAX_TILE = 1024  # pixels
MAX_WEBP_TILE = 800  # a WebP has 16383 rows at most
MARGIN, GAP, GROUP_GAP, HEAD, LABEL = 24, 6, 18, 76, 168  # pixels
FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP", ".bmp": "BMP"}  # by the name's ending
PAPER, INK, SOFT = (255, 255, 255), (15, 23, 42), (100, 116, 139)


def _writable(path: Path) -> Path:
    if path.suffix.lower() not in FORMATS:
        raise ValueError(f"it names no format that can be written: end it in {', '.join(FORMATS)}")
    return path


class Options(BaseOptions):
    """What `groupnl corrupt` draws.

    Attributes:
        image: JPEG, PNG, WebP or BMP.
        output: the sheet.
        size: side that is corrupted, pixels.
        scale: the tiles are enlarged so many times.
        seed: of the random numbers.
        published: with the JPEG round trip of the published files.
    """

    image: Path
    output: Annotated[Path, AfterValidator(_writable)]
    size: Annotated[int, Field(ge=MIN_SIDE, le=MAX_TILE)]
    scale: Annotated[int, Field(ge=1, le=MAX_TILE // MIN_SIDE)]
    seed: Count
    published: bool

    @model_validator(mode="after")
    def _sheet_is_no_giant(self) -> Self:
        tile = self.size * self.scale
        most = MAX_WEBP_TILE if self.output.suffix.lower() == ".webp" else MAX_TILE
        if tile > most:
            raise ValueError(
                f"--size {self.size} with --scale {self.scale} makes tiles of {tile} pixels: {most} is the most in a "
                f"{self.output.suffix}"
            )
        return self


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `groupnl corrupt`."""
    parser.add_argument("image", type=Path, help="JPEG, PNG, WebP or BMP")
    parser.add_argument("-o", "--output", type=Path, default=Path("sheet.png"), metavar="FILE", help="(%(default)s)")
    parser.add_argument("--size", type=int, default=224, metavar="PIXELS", help="side that is corrupted (%(default)s)")
    parser.add_argument("--scale", type=int, default=1, metavar="N", help="enlarge the tiles N times (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the random numbers (%(default)s)")
    parser.add_argument("--published", action="store_true", help="with the JPEG round trip of the published files")


def run(options: Options) -> int:
    """Write the sheet.

    Raises:
        ConfigError: the image cannot be used.
    """
    pixels = _read(options.image, options.size)
    specs = [CorruptionSpec(*cell, options.seed) for cell in CELLS]
    corrupted = corrupt_each(pixels.expand(len(CELLS), -1, -1, -1), specs, published=options.published)
    sheet = draw_sheet(pixels[0], corrupted, options.image.name, options.scale)
    with replacing(options.output) as partial, partial.open("wb") as file:
        sheet.save(file, FORMATS[options.output.suffix.lower()])
    print(options.output)
    return 0


def draw_sheet(clean: Tensor, corrupted: Tensor, title: str, scale: int = 1) -> Image.Image:
    """The contact sheet.

    Args:
        clean: uint8 of shape (3, S, S).
        corrupted: the same image in every cell, uint8 of shape (95, 3, S, S), in the order of `CELLS`.
        title: above the sheet.
        scale: tiles are enlarged so many times.
    """
    tile = clean.shape[-1] * scale
    width = 2 * MARGIN + LABEL + len(SEVERITIES) * (tile + GAP) - GAP
    top = MARGIN + max(HEAD, tile + GAP)
    height = top + 28 + len(NAMES) * (tile + GAP) + (len(GROUPS) - 1) * GROUP_GAP + MARGIN
    sheet = Image.new("RGB", (width, height), PAPER)
    draw = ImageDraw.Draw(sheet)
    left = MARGIN + LABEL
    sheet.paste(_tile(clean, scale), (left, MARGIN))
    draw.text((left + tile + 16, MARGIN), f"{title}, clean", INK, ImageFont.load_default(20))
    note = f"{clean.shape[-1]} x {clean.shape[-1]} pixels;\nbelow, under ImageNet-C's corruptions"
    draw.text((left + tile + 16, MARGIN + 28), note, SOFT, ImageFont.load_default(13))
    for place, severity in enumerate(SEVERITIES):
        middle = left + place * (tile + GAP) + tile // 2
        draw.text((middle, top + 4), f"severity {severity}", SOFT, ImageFont.load_default(14), anchor="ma")
    _draw_rows(sheet, draw, corrupted, top + 28, scale)
    return sheet


def _draw_rows(sheet: Image.Image, draw: ImageDraw.ImageDraw, corrupted: Tensor, y: int, scale: int) -> None:
    tile = corrupted.shape[-1] * scale
    rows = iter(zip(NAMES, corrupted.view(len(NAMES), len(SEVERITIES), *corrupted.shape[1:]), strict=True))
    for group, size in GROUPS.items():
        draw.text((MARGIN, y), group.upper(), SOFT, ImageFont.load_default(11))
        for _ in range(size):
            name, images = next(rows)
            draw.text((MARGIN, y + tile / 2), name, INK, ImageFont.load_default(15), anchor="lm")
            for place, image in enumerate(images):
                sheet.paste(_tile(image, scale), (MARGIN + LABEL + place * (tile + GAP), y))
            y += tile + GAP
        y += GROUP_GAP


def _tile(image: Tensor, scale: int) -> Image.Image:
    picture = Image.fromarray(np.ascontiguousarray(image.permute(1, 2, 0).numpy()))
    return picture.resize((picture.width * scale, picture.height * scale), Image.Resampling.NEAREST)


def _read(path: Path, size: int) -> Tensor:
    """The middle of the image, as a service would crop it; uint8 of shape (1, 3, size, size)."""
    unit = (1.0, 1.0, 1.0)
    config = InputConfig(size=size, mean=unit, std=unit, crop_pct=1.0, interpolation="bicubic")
    try:
        return torch.stack([Preprocess(config)(decode(path.read_bytes(), Limits()))])
    except (InputError, OSError) as error:
        raise ConfigError(f"{path} cannot be used: {error}") from None
