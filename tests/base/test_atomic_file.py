"""Files are whole at every moment."""

import subprocess
import sys
import time

import pytest

from groupnl.base.atomic_file import replacing

WRITER = """
import sys
from pathlib import Path
from groupnl.base.atomic_file import replacing

for number in range(10**6):
    with replacing(Path(sys.argv[1])) as path, path.open("wb") as file:
        for _ in range(100):
            file.write(bytes([number % 256]) * 10_000)
"""


def test_old_file_stays_until_the_new_one_is_whole(tmp_path):
    path = tmp_path / "new folder" / "file"
    with replacing(path) as partial:
        partial.write_text("one")
        assert not path.exists()
    with pytest.raises(ZeroDivisionError), replacing(path) as partial:
        partial.write_text(str(1 / 0))
    assert path.read_text() == "one"


def test_killed_writer_leaves_a_whole_file(tmp_path):
    path = tmp_path / "file"
    for _ in range(5):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)])
        while not path.exists():
            time.sleep(0.01)
        time.sleep(0.1)
        writer.kill()
        writer.wait()
        content = path.read_bytes()
        assert content == content[:1] * 1_000_000
        path.unlink()
