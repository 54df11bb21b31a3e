"""The twins of served models: archives whose networks answer the same corrupted images, to compare with.

A twin need not be served itself. Its archive is a served model's of that name, or NAME.mar in the model store.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from groupnl.archive.manifest import difference
from groupnl.archive.read import read_manifest, unpack
from groupnl.errors import ConfigError


def place_twin(model: str, archive: Path, handler: dict[str, Any], known: Mapping[str, Path], folder: Path) -> None:
    """Unpack the twin that a model's handler section names, and note there where it lies.

    Args:
        model: the served model's name.
        archive: its archive.
        handler: its handler section; gets ``shadow.twin_dir``.
        known: name -> archive of every twin that can be named.
        folder: where twins are unpacked, each once.

    Raises:
        ConfigError: there is no such archive, or its classes or input are not the model's.
        ArchiveError: the archive is damaged.
    """
    shadow = handler.get("shadow")
    if not isinstance(shadow, dict) or not shadow.get("twin"):
        return
    twin = str(shadow["twin"])
    if twin not in known:
        raise ConfigError(
            f"{model} is compared with its twin {twin}, but there is no archive {twin}.mar in the model store: "
            "pack it, or serve without the comparison (--no-twin)"
        )
    _refuse_unlike(model, archive, twin, known[twin])
    place = folder / twin
    if not place.exists():
        unpack(known[twin], place)
    shadow["twin_dir"] = str(place)


def _refuse_unlike(model: str, archive: Path, twin: str, twin_archive: Path) -> None:
    if what := difference(read_manifest(archive).card, read_manifest(twin_archive).card):
        raise ConfigError(
            f"{model} cannot be compared with its twin {twin}: their {what}; "
            "name another twin, or serve without the comparison (--no-twin)"
        )
