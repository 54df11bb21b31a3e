"""One key as the service knows it, and the line that stands for it in a file or in the environment."""

import re
from typing import NamedTuple

from groupnl.errors import ConfigError
from groupnl.server.keys.secret import hash_of, weakness

SCOPES = PREDICT, MANAGE, METRICS = "predict", "manage", "metrics"
_FORM = "NAME SCOPE[,SCOPE] sha256:HASH"
_HASH = "sha256:"
_HASHED = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._\-]{0,63}", re.ASCII)


class Key(NamedTuple):
    """A key.

    Attributes:
        name: for people; it stands in the log.
        scopes: what it is for.
        digest: SHA-256 of the secret, hexadecimal.
    """

    name: str
    scopes: frozenset[str]
    digest: str

    @property
    def line(self) -> str:
        """As it stands in a file."""
        return f"{self.name} {','.join(scope for scope in SCOPES if scope in self.scopes)} {_HASH}{self.digest}"


def read_key(line: str, where: str, *, takes_secrets: bool) -> Key:
    """The key of a line.

    Args:
        line: name, scopes, and the secret or its hash.
        where: the line stands, for the error.
        takes_secrets: whether the secret itself may stand there.

    Raises:
        ConfigError: it cannot be used. What may be a secret is not told.
    """
    words = line.split()
    if len(words) != 3:
        raise ConfigError(f"{where} is no key: it has {len(words)} words; write {_FORM}")
    name, scopes, secret = words
    if not _NAME.fullmatch(name):
        raise ConfigError(f"{where} has no name that can be used; take up to 64 letters, digits, - . _")
    return Key(name, _scopes(scopes, name, where), _digest(secret, name, where, takes_secrets))


def check_name(name: str) -> str:
    """The name, if it can be one.

    Raises:
        ConfigError: it cannot.
    """
    if not _NAME.fullmatch(name):
        raise ConfigError(f"{name!r} cannot be a key's name; take up to 64 letters, digits, - . _")
    return name


def _scopes(text: str, name: str, where: str) -> frozenset[str]:
    scopes = frozenset(text.split(","))
    if not scopes <= set(SCOPES):
        raise ConfigError(f"{where}: the key {name!r} has an unknown scope; there are {', '.join(SCOPES)}")
    return scopes


def _digest(secret: str, name: str, where: str, takes_secrets: bool) -> str:
    if secret.startswith(_HASH):
        if not _HASHED.fullmatch(secret):
            raise ConfigError(f"{where}: the hash of the key {name!r} must be {_HASH} and 64 of 0-9 a-f")
        return secret.removeprefix(_HASH)
    if problem := weakness(secret):
        raise ConfigError(f"{where}: the key {name!r} cannot be used: {problem}; `groupnl keys new` makes one")
    digest = hash_of(secret)
    if not takes_secrets:
        raise ConfigError(f"{where}: the key {name!r} stands there as it is; write {_HASH}{digest} in its place")
    return digest
