"""Writing a file in one step: whoever reads it, or stops us, finds the old one or the new one, and never a part."""

from pathlib import Path


def write_whole(path: Path, text: str) -> None:
    """Write a text file; its folder must exist."""
    unfinished = path.with_name(f".{path.name}.part")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(path)
