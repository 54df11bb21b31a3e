"""Draws `docs/playground.png`: the playground of a running service, in Chromium.

In the repository's root, beside `groupnl serve --server groupnl`:

    PYTHONPATH=tests .venv/bin/python -m support.playground_picture [ADDRESS]
"""

import base64
import io
import sys
from pathlib import Path

from PIL import Image
from support.browser import Page, chromium

from groupnl.corruptions.names import CELLS

IMAGE = Path("model_store/probe/animal-mammal/1f406_noto.png")
TARGET = Path("docs/playground.png")
ADDRESS = "http://127.0.0.1:8080/"
CELL = "frost, severity 3"
WIDTH = 1200
COLOURS = 200  # of the file, which is to be small


def give(page: Page, content: bytes, event: str = "drop") -> None:
    """Drop or paste a file."""
    made = {
        "drop": "new DragEvent('drop', {dataTransfer: files, bubbles: true, cancelable: true})",
        "paste": "new ClipboardEvent('paste', {clipboardData: files, bubbles: true})",
    }[event]
    page.run(
        f"""(() => {{
          const bytes = Uint8Array.from(atob('{base64.b64encode(content).decode()}'), (each) => each.charCodeAt(0));
          const files = new DataTransfer();
          files.items.add(new File([bytes], 'image.png', {{ type: 'image/png' }}));
          document.querySelector('#drop').dispatchEvent({made});
        }})()"""
    )


def draw(address: str = ADDRESS, image: Path = IMAGE, cell: str = CELL) -> Image.Image:
    """The page with an image and a cell."""
    with chromium() as page:
        page.shows(width=WIDTH, height=700)
        page.open(address)
        page.until("document.querySelector('#model').options.length")
        give(page, image.read_bytes())
        page.until(f"document.querySelectorAll('#sheet [data-outcome]').length === {len(CELLS)}")
        page.run(f"document.querySelector('[aria-label^=\"{cell}\"]').click()")
        page.until(f"document.querySelector('#spoilt-picture').alt === 'The image, {cell}'")
        page.until("document.querySelector('#spoilt-picture').complete")
        shot = Image.open(io.BytesIO(page.picture()))
    return shot.convert("RGB").quantize(COLOURS)


if __name__ == "__main__":
    draw(*sys.argv[1:]).save(TARGET, "PNG", optimize=True)
