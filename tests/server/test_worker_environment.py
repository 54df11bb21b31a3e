"""groupnl.server.worker_environment: where the memory of images lies, and how long what nobody uses stays."""

import os
import time
from pathlib import Path

from groupnl.base import environment
from groupnl.server.worker_environment import worker_settings

DAY_S = 86400


def _seen(run_dir: Path, state_dir: Path | None) -> Path:
    return Path(worker_settings(run_dir, 1, run_dir / "seats", state_dir)[environment.SEEN])


def test_what_was_seen_is_known_in_the_next_start_where_there_is_a_state_folder(tmp_path: Path) -> None:
    first, second, state = (tmp_path / name for name in ("first", "second", "state"))
    assert _seen(first, None) != _seen(second, None)
    assert _seen(first, state) == _seen(second, state)
    assert _seen(first, Path("state")).is_absolute()  # TorchServe's workers work elsewhere


def test_what_nobody_uses_is_removed(tmp_path: Path) -> None:
    folder = _seen(tmp_path, tmp_path)
    folder.mkdir()
    for name, days in (("used", 29), ("stale", 31)):
        (folder / name).touch()
        written = time.time() - days * DAY_S
        os.utime(folder / name, (written, written))
    assert _seen(tmp_path, tmp_path) == folder
    assert [file.name for file in folder.iterdir()] == ["used"]
