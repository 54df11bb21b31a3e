"""Weights in several files, as Hugging Face's libraries cut them: an index says which tensor lies in which."""

import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from groupnl.base.files import sha256_of
from groupnl.errors import CheckpointError

_INDEX = ".index.json"
_SHARD = re.compile(r"-\d+-of-\d+\.(safetensors|bin)$")


def files_of(file: Path) -> tuple[Path, ...]:
    """The files that hold the weights: those of an index, or the file itself.

    Raises:
        CheckpointError: the index cannot be used, a file of it is missing, or the file is one of several.
    """
    if _SHARD.search(file.name):
        raise CheckpointError(f"checkpoint {file} is one of several files: name their folder, or their *{_INDEX}")
    if not file.name.endswith(_INDEX):
        return (file,)
    shards = tuple(file.parent / name for name in _names(file))
    if missing := [shard.name for shard in shards if not shard.is_file()]:
        raise CheckpointError(f"checkpoint {file} names {missing[0]}, which is not beside it: fetch that file too")
    return shards


def digest_of(files: Sequence[Path]) -> str:
    """Tells the weights in these files from all others: a file's SHA-256, or that of the files' SHA-256s."""
    digests = [sha256_of(file) for file in files]
    return digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()


def _names(index: Path) -> list[str]:
    try:
        content: Any = json.loads(index.read_text(encoding="utf-8"))
        names = sorted(set(content["weight_map"].values()))
    except (OSError, ValueError, RecursionError, LookupError, TypeError, AttributeError):
        names = []
    if not names or not all(isinstance(name, str) and name == Path(name).name for name in names):
        raise CheckpointError(f"checkpoint {index} is no index of files beside it (`weight_map`): fetch it again")
    return names
