"""The twin that a model is packed with: what cannot be one is refused.

It may be packed after its model: that it is not there yet is told, and only serving refuses it.
"""

from pathlib import Path

from groupnl.archive.manifest import difference
from groupnl.archive.read import read_manifest
from groupnl.card import ModelCard
from groupnl.errors import ConfigError


def missing_twin(twin: str | None, store: Path) -> str | None:
    """A line for whoever packs; None where there is nothing to tell.

    Args:
        twin: that the archive names.
        store: folder of the archives.
    """
    if twin is None or (store / f"{twin}.mar").exists():
        return None
    return (
        f"note: {store} holds no archive of the twin, {twin}.mar: pack it too, or name another with --twin; without it "
        "`groupnl serve` takes the model only with --no-twin"
    )


def refuse_twin(model: str, card: ModelCard, twin: str | None, store: Path) -> None:
    """Refuse a twin that is the model itself, or lies in the store and cannot be compared with it.

    Args:
        model: name of what is packed.
        card: of it.
        twin: that the archive names.
        store: folder of the archives.

    Raises:
        ConfigError: so it is.
        ArchiveError: the twin's archive cannot be used.
    """
    if twin is None:
        return
    if twin == model:
        raise ConfigError(f"the twin {twin} is the model itself: name another --twin")
    archive = store / f"{twin}.mar"
    if archive.exists() and (what := difference(card, read_manifest(archive).card)):
        raise ConfigError(
            f"{model} cannot be compared with its twin {archive}: their {what}; name another --twin, or pack "
            "that one anew first"
        )
