"""The key of a service's metrics, where they ask for one."""

from pathlib import Path

from groupnl.errors import ConfigError


def read_key(file: Path) -> str:
    """The key in a file.

    Raises:
        ConfigError: it cannot be read, or holds none or several.
    """
    try:
        key = file.read_text(encoding="ascii").strip()
    except (OSError, ValueError) as error:
        raise ConfigError(f"the key in {file} cannot be read ({error})") from None
    if len(key.split()) != 1:
        raise ConfigError(f"{file} has {len(key.split())} words; it must hold one key, as `groupnl keys new` prints it")
    return key
