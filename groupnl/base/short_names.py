"""Short names for files, by which people tell them apart in tables and pictures."""

from collections.abc import Iterable
from pathlib import Path


def by_short_name(paths: Iterable[Path]) -> dict[str, Path]:
    """Name the files, all in the same way.

    Args:
        paths: in their order; one that is given twice counts once.

    Returns:
        Name -> file. The names are the files' own without their endings; where two of those are equal, the names of
        their folders ("runs/a/metrics.csv": "a"); where two of those are, too, the whole paths.
    """
    distinct = list(dict.fromkeys(paths))
    ways = (
        [path.stem for path in distinct],
        [path.parent.resolve().name for path in distinct],
        [str(path) for path in distinct],
    )
    names = next(names for names in ways if len(set(names)) == len(distinct))
    return dict(zip(names, distinct, strict=True))
