"""Draws the images that the load tests send, `python tests/loadtests/draw_images.py loadtests/images`.

Each is a scene with the spectrum of a photograph (brightness falls with frequency, grain on top), so that a file has
about the bytes of a photograph of its size, and with objects of different colours and shapes, so that a model tells
one from another.
"""

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

Field = NDArray[np.float64]

# Name, size, format with its options. The six of 640 x 480 come first: they alone measure throughput.
FILES = (
    *((f"photo-{number}.jpg", (640, 480), {"quality": 85}) for number in range(1, 7)),
    ("large.jpg", (1600, 1200), {"quality": 80}),
    ("small.jpg", (160, 120), {"quality": 85}),
    ("progressive.jpg", (640, 480), {"quality": 85, "progressive": True}),
    ("grey.jpg", (480, 640), {"quality": 85}),
    ("drawing.png", (256, 256), {"optimize": True}),
    ("photo.webp", (640, 480), {"quality": 80}),
)


def draw(number: int, size: tuple[int, int]) -> Image.Image:
    """One scene; the same number and size give the same one."""
    rng = np.random.default_rng(number)
    light = _light(rng, size)
    colours = rng.uniform(40, 215, (3, 3))
    ground = colours[0] * light[..., None] + colours[1] * (1 - light[..., None])
    image = Image.fromarray(ground.clip(0, 255).astype(np.uint8))
    _objects(rng, image)
    texture = (_light(rng, size) - 0.5)[..., None] * 60 + rng.normal(0, 4, (size[1], size[0], 1))
    pixels = np.asarray(image.filter(ImageFilter.GaussianBlur(1)), dtype=np.float64)
    return Image.fromarray((pixels + texture).clip(0, 255).astype(np.uint8))


def _light(rng: np.random.Generator, size: tuple[int, int]) -> Field:
    """Noise whose amplitude falls with frequency, as in photographs; (height, width), 0 to 1."""
    width, height = size
    spectrum = np.fft.fft2(rng.standard_normal((height, width)))
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)[None])
    frequency[0, 0] = 1
    field: Field = np.real(np.fft.ifft2(spectrum / frequency**1.3))
    return (field - field.min()) / (field.max() - field.min())


def _objects(rng: np.random.Generator, image: Image.Image) -> None:
    pen = ImageDraw.Draw(image)
    side = min(image.size)
    for _ in range(rng.integers(2, 7)):
        colour = tuple(int(value) for value in rng.integers(0, 256, 3))
        middle, radius = rng.uniform(0.2, 0.8, 2) * image.size, rng.uniform(0.1, 0.4) * side
        corners = [*(middle - radius), *(middle + radius * rng.uniform(0.3, 1))]
        kind = rng.integers(4)
        if kind == 0:
            pen.ellipse(corners, fill=colour)
        elif kind == 1:
            pen.rectangle(corners, fill=colour, outline="white", width=max(side // 60, 1))
        elif kind == 2:
            pen.regular_polygon((*middle, radius), int(rng.integers(3, 7)), int(rng.integers(90)), fill=colour)
        else:
            pen.arc(corners, 0, int(rng.integers(120, 340)), fill=colour, width=max(side // 15, 1))


def main(folder: Path) -> None:
    """Write every file."""
    for number, (name, size, options) in enumerate(FILES):
        image = draw(number, size)
        (image.convert("L") if name.startswith("grey") else image).save(folder / name, **options)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
