"""A twin that is not packed yet: it may be packed after its model, so that is told, and only serving refuses it."""

from pathlib import Path


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
