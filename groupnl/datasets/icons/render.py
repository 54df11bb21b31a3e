"""One drawing becomes one image: drawn, trimmed, scaled, and set on a background.

Fourth step of `groupnl data icons`; pure, so that it can run in other processes. The random choices hang on
the drawing's name and the seed only: the same command gives the same bytes.
"""

import io

import numpy as np
from PIL import Image

from groupnl.datasets.icons.backgrounds import Pixels, background
from groupnl.datasets.icons.drawings import Drawing
from groupnl.datasets.icons.split import digest
from groupnl.errors import ConfigError, not_installed

SCALE = (0.65, 0.95)
"""Longer side of the drawing, as a share of the image's side."""
MIN_CONTRAST = 0.2
"""Mean absolute difference between drawing and background, of 1; below it the drawing is hard to see."""
BACKGROUND_TRIES = 8


def render(drawing: Drawing, size: int, seed: int) -> bytes:
    """Return the drawing on a background: a PNG, RGB, `size` x `size` pixels."""
    rng = np.random.default_rng(digest(seed, "render", drawing.name))
    layer = _place(_rasterise(drawing, size), size, rng)
    pixels = _composite(np.asarray(layer, dtype=np.float64) / 255, size, rng)
    stream = io.BytesIO()
    Image.fromarray(np.round(pixels * 255).astype(np.uint8)).save(stream, "PNG")
    return stream.getvalue()


def _rasterise(drawing: Drawing, size: int) -> Image.Image:
    """Return the drawing as RGBA without its empty margin, SVGs at twice `size`."""
    data = _draw_svg(drawing.data, 2 * size) if drawing.vector else drawing.data
    with Image.open(io.BytesIO(data)) as image:
        rgba = image.convert("RGBA")
    box = rgba.getchannel("A").getbbox()
    if box is None:
        raise ConfigError(f"{drawing.name} draws nothing; its package cannot be used")
    return rgba.crop(box)


def _draw_svg(svg: bytes, side: int) -> bytes:
    try:
        from resvg_py import svg_to_bytes
    except ImportError as error:
        raise ConfigError(not_installed("resvg-py, which draws the SVG icons,", "train")) from error
    # Without system fonts, or the result would depend on the machine.
    png: bytes = svg_to_bytes(svg_string=svg.decode(), width=side, height=side, skip_system_fonts=True)
    return png


def _place(glyph: Image.Image, size: int, rng: np.random.Generator) -> Image.Image:
    """Return a transparent `size` x `size` layer with the glyph at a random scale and position."""
    factor = rng.uniform(*SCALE) * size / max(glyph.size)
    width, height = (max(1, round(side * factor)) for side in glyph.size)
    corner = (int(rng.integers(size - width + 1)), int(rng.integers(size - height + 1)))
    layer = Image.new("RGBA", (size, size))
    layer.paste(glyph.resize((width, height), Image.Resampling.LANCZOS), corner)
    return layer


def _composite(layer: Pixels, size: int, rng: np.random.Generator) -> Pixels:
    """Set the layer, (S, S, 4), on the first of a few backgrounds from which it stands out."""
    colour, alpha = layer[..., :3], layer[..., 3:]
    for _ in range(BACKGROUND_TRIES):
        scene = background(size, rng)
        contrast = (np.abs(colour - scene) * alpha).sum() / (3 * alpha.sum())
        if contrast >= MIN_CONTRAST:
            break
    return colour * alpha + scene * (1 - alpha)
