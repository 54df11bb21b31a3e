"""The folder where compiled networks are kept."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def cache_folder(given: Path | None) -> Iterator[Path]:
    """The folder that was given, or else a temporary one, which is removed at the end."""
    if given is not None:
        yield given
        return
    with tempfile.TemporaryDirectory(prefix="groupnl-bench-") as folder:
        yield Path(folder)
