"""`groupnl keys new`: make a key for clients of the service."""

import argparse
from pathlib import Path
from typing import Literal

from groupnl.base.options import Options as BaseOptions
from groupnl.server.keys.key import PREDICT, SCOPES, Key, check_name
from groupnl.server.keys.key_file import add_key
from groupnl.server.keys.secret import hash_of, new_secret

KEY_FILE = Path("keys.txt")


class Options(BaseOptions):
    """What the key is for.

    Attributes:
        name: of the key.
        scope: what it is for.
        keys: file that gets its hash.
    """

    name: str
    scope: tuple[Literal["predict", "manage", "metrics"], ...]
    keys: Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `groupnl keys new`."""
    parser.add_argument("--name", required=True, help="whose it is; it stands in the access log")
    parser.add_argument("--scope", nargs="+", choices=SCOPES, default=[PREDICT], help=f"what it is for ({PREDICT})")
    parser.add_argument("--keys", type=Path, metavar="FILE", default=KEY_FILE, help=f"that gets its hash ({KEY_FILE})")


def run(options: Options) -> int:
    """Make a key, write its hash into the file, and print it, once.

    Raises:
        ConfigError: the name cannot be used or is taken, or the file cannot be read or written.
    """
    secret = new_secret()
    add_key(options.keys, Key(check_name(options.name), frozenset(options.scope), hash_of(secret)))
    print(secret)
    return 0
