"""Draws `docs/report.png`: the beginning of a page of `groupnl report`, in Chromium.

In the repository's root:

    PYTHONPATH=tests .venv/bin/python -m support.report_picture report.html
"""

import io
import sys
from pathlib import Path

from PIL import Image
from support.browser import chromium

TARGET = Path("docs/report.png")
WIDTH, HEIGHT = 1085, 2400
COLOURS = 64  # of the file, which is to be small


def draw(page: Path) -> Image.Image:
    """The page's beginning."""
    with chromium() as browser:
        browser.shows(width=WIDTH, height=800)
        browser.open(page.resolve().as_uri())
        shot = Image.open(io.BytesIO(browser.picture()))
    return shot.convert("RGB").crop((0, 0, WIDTH, HEIGHT)).quantize(COLOURS)


if __name__ == "__main__":
    draw(Path(sys.argv[1])).save(TARGET, "PNG", optimize=True)
