"""The keys of a running service: read again when they change, and compared without telling by the time it takes."""

import hmac
from pathlib import Path

from groupnl.base.environment import KEYS as VARIABLE
from groupnl.errors import ConfigError
from groupnl.server.keys.key import PREDICT, Key
from groupnl.server.keys.key_file import read_key_file, read_lines
from groupnl.server.keys.secret import hash_of, new_secret

OWN = "groupnl-serve"  # the service's own key, with which it asks itself at the start


class Keys:
    """All keys.

    Args:
        file: of keys, or None.
        given: the environment's keys, or None: lines, or parts between semicolons.

    Attributes:
        files: that they are read from.
        own_secret: of a key for predictions that this process alone knows.

    Raises:
        ConfigError: they cannot be used.
    """

    def __init__(self, file: Path | None, given: str | None) -> None:
        self.files = (file,) if file is not None else ()
        self._file = file
        self._given = given
        self.own_secret = new_secret()
        self._own = Key(OWN, frozenset([PREDICT]), hash_of(self.own_secret))
        self._keys: list[Key] = []
        self.reload()

    def reload(self) -> None:
        """Read the file again; a key that is not there any more is refused from now on.

        Raises:
            ConfigError: they cannot be used; those before stay.
        """
        found = read_lines((self._given or "").replace(";", "\n"), VARIABLE, takes_secrets=True)
        if self._file is not None:
            found += read_key_file(self._file)
        _check_unlike(found)
        if not found:
            raise ConfigError(f"{self._file or VARIABLE} has no key; `groupnl keys new` makes one")
        self._keys = found

    def find(self, secret: str) -> Key | None:
        """The key that a client shows; None: there is no such."""
        digest = hash_of(secret)
        same = [key for key in (*self._keys, self._own) if hmac.compare_digest(key.digest, digest)]
        return same[0] if same else None

    def has(self, scope: str) -> bool:
        """Whether anybody has a key for this."""
        return any(scope in key.scopes for key in self._keys)


def _check_unlike(keys: list[Key]) -> None:
    for what in ("name", "digest"):
        seen: dict[str, Key] = {}
        for key in keys:
            other = seen.setdefault(getattr(key, what), key)
            if other is not key:
                same = "are the same key" if what == "digest" else "have the same name"
                raise ConfigError(f"the keys {other.name!r} and {key.name!r} {same}; take one out")
