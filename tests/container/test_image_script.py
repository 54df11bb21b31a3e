"""`.ci/image.sh`, with an engine that is played: which base is built on, and what is said where it cannot be pulled."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest
from support.dockerfile import ROOT, TEXT

(OFFICIAL,) = re.findall(r"^ARG BASE=(.*)$", TEXT, re.MULTILINE)
MADE = "localhost/groupnl-base:3.11"
REASON = "Error: the registry is not known"
# What it has is in $HAVE; it notes what it is asked for.
ENGINE = f"""#!/bin/sh
echo "$*" >>"$CALLS"
case "$1 $2" in
    "image inspect") case " $HAVE " in *" $3 "*) exit 0 ;; *) exit 1 ;; esac ;;
    "pull "*) [ -n "$REGISTRY" ] || {{ echo "Trying to pull"; printf '%s\\n\\n' "{REASON}" >&2; exit 125; }} ;;
    "import "*) cat >/dev/null ;;
esac
"""
# Makes the folders of a root where debootstrap is told to.
DEBOOTSTRAP = """#!/bin/sh
for word; do case "$word" in /*) mkdir -p "$word/usr/bin" "$word/usr/share" "$word/var/log"; exit ;; esac; done
"""


class Built(NamedTuple):
    """A run of the script.

    Attributes:
        status: its exit status.
        said: by it.
        calls: what the engine was asked for.
    """

    status: int
    said: str
    calls: list[str]

    def bases(self) -> list[str]:
        """That were built on."""
        return [base for call in self.calls if call.startswith("build ") for base in re.findall(r"BASE=(\S+)", call)]


def build(folder: Path, user: int = 0, **environment: str) -> Built:
    """Run a copy of the script as that user."""
    (folder / ".ci").mkdir()
    (folder / "wheels").mkdir()
    shutil.copy(ROOT / ".ci" / "image.sh", folder / ".ci")
    shutil.copy(ROOT / "Dockerfile", folder)
    programs = folder / "bin"
    programs.mkdir()
    for name, text in {"docker": ENGINE, "debootstrap": DEBOOTSTRAP, "id": f"#!/bin/sh\necho {user}\n"}.items():
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    calls = folder / "calls"
    given = {"PATH": f"{programs}:{os.environ['PATH']}", "ENGINE": "docker", "CALLS": str(calls), "HAVE": ""}
    ended = subprocess.run(
        ["bash", folder / ".ci" / "image.sh"],
        env=given | environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return Built(ended.returncode, ended.stderr, calls.read_text().splitlines())


@pytest.mark.parametrize("environment", [{"HAVE": OFFICIAL}, {"REGISTRY": "answers"}])
def test_the_official_base_is_taken_where_it_can_be(tmp_path: Path, environment: dict[str, str]) -> None:
    built = build(tmp_path, **environment)
    assert (built.status, built.bases()) == (0, [OFFICIAL])
    assert (f"pull {OFFICIAL}" in built.calls) is ("REGISTRY" in environment)


def test_one_that_is_made_has_a_name_of_its_own_and_the_reason_is_told(tmp_path: Path) -> None:
    built = build(tmp_path)
    assert (built.status, built.bases()) == (0, [MADE])
    (imported,) = [call for call in built.calls if call.startswith("import ")]
    assert imported.endswith(f" - {MADE}")
    assert f"docker cannot pull {OFFICIAL}: {REASON}\n" in built.said


def test_one_that_was_made_before_is_taken_again(tmp_path: Path) -> None:
    built = build(tmp_path, HAVE=MADE)
    assert (built.status, built.bases()) == (0, [MADE])
    assert not [call for call in built.calls if call.startswith("import ")]


@pytest.mark.parametrize(
    ("user", "environment", "sentence"),
    [(1000, {}, "needs root and debootstrap"), (0, {"BASE": "python:3.12-slim"}, "no other base than")],
)
def test_where_none_can_be_made_nothing_is_built(
    tmp_path: Path, user: int, environment: dict[str, str], sentence: str
) -> None:
    built = build(tmp_path, user, **environment)
    assert built.status == 1
    assert REASON in built.said
    assert sentence in built.said
    assert built.bases() == []
