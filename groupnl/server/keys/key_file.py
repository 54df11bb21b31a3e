"""The file of the keys: a line for each, with the hash of its secret."""

import stat
from pathlib import Path

from groupnl.base.atomic_file import replacing
from groupnl.errors import ConfigError
from groupnl.server.keys.key import Key, read_key

_MODE = 0o600
_HEAD = "# Keys of `groupnl serve --keys`, one a line: name, scopes, hash. `groupnl keys new` adds one.\n"


def read_key_file(file: Path) -> list[Key]:
    """The keys of a file.

    Raises:
        ConfigError: it cannot be read, anybody may change it, or a line of it is no key.
    """
    try:
        mode, text = file.stat().st_mode, file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise ConfigError(f"cannot read the keys of {file} ({reason}); `groupnl keys new` makes such a file") from None
    if mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise ConfigError(f"others may write keys into {file}; let it be its owner's alone (chmod 600)")
    return read_lines(text, str(file), takes_secrets=False)


def is_open(file: Path) -> bool:
    """Whether others may read it."""
    return bool(file.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH))


def read_lines(text: str, where: str, *, takes_secrets: bool) -> list[Key]:
    """The keys of a text.

    Args:
        text: a line for each key; empty lines, and those that begin with #, are left out.
        where: it stands, for the error.
        takes_secrets: whether the secrets themselves may stand there.

    Raises:
        ConfigError: a line is no key.
    """
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), 1)]
    return [
        read_key(line, f"{where}, line {number}", takes_secrets=takes_secrets)
        for number, line in lines
        if line and not line.startswith("#")
    ]


def add_key(file: Path, key: Key) -> None:
    """Write a key into the file, which is made if missing; it is its owner's alone afterwards.

    Raises:
        ConfigError: there is a key of this name, the file cannot be read, or not be written.
    """
    before = read_key_file(file) if file.exists() else []
    if key.name in {each.name for each in before}:
        raise ConfigError(f"{file} has a key {key.name!r} already; choose another name, or take its line out first")
    text = file.read_text(encoding="utf-8") if file.exists() else _HEAD
    if text and not text.endswith("\n"):
        text += "\n"
    with replacing(file) as partial:
        partial.touch(_MODE)
        partial.chmod(_MODE)
        partial.write_text(f"{text}{key.line}\n", encoding="utf-8")
