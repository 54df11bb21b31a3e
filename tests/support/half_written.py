"""A process that dies while it writes a text file."""

from pathlib import Path

import pytest


class KilledError(Exception):
    """The process ends here."""


def killed_while_writing(monkeypatch: pytest.MonkeyPatch, whole: int = 0) -> None:
    """Let so many text files be written; half of the next one is, and then `KilledError` is raised."""
    usual, written = Path.write_text, []

    def write_text(path: Path, text: str, **options: str) -> int:
        if len(written) == whole:
            usual(path, text[: len(text) // 2], **options)
            raise KilledError
        written.append(path)
        return usual(path, text, **options)

    monkeypatch.setattr(Path, "write_text", write_text)
