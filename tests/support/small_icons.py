"""Icons in three colours, for studies that train."""

from pathlib import Path

import numpy as np
from PIL import Image

COLOURS = {"blue": (0, 0, 200), "green": (0, 200, 0), "red": (200, 0, 0)}


def write_icons(folder: Path, size: int = 32) -> Path:
    """As `groupnl data icons` has them: 132 to learn from, 6 in each test."""
    random = np.random.default_rng(0)
    for split, count in (("train", 44), ("test_emoji", 2), ("test_style", 2)):
        for name, colour in COLOURS.items():
            (folder / split / name).mkdir(parents=True)
            for number in range(count):
                noise = random.integers(-40, 40, (size, size, 3))
                pixels = np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8)
                Image.fromarray(pixels).save(folder / split / name / f"{number}.png")
    return folder
