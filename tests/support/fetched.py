"""Programs that tests need: those of the path, or what the scripts in `.ci` fetch."""

import functools
import subprocess
from pathlib import Path

import pytest

_SCRIPTS = Path(__file__).parents[2] / ".ci"


@functools.cache
def fetched(script: str) -> Path:
    """What a script prints, where its program is; skips the test where there is neither one nor a way to get it."""
    found = subprocess.run([_SCRIPTS / script], capture_output=True, text=True, check=False)
    if found.returncode:
        pytest.skip(found.stderr.strip().splitlines()[-1])
    return Path(found.stdout.strip())
