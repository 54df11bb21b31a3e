"""Classes without images: a part of the classes may be measured on purpose, but never without a word."""

from collections.abc import Mapping, Sequence

from groupnl.corruptions.names import Cell
from groupnl.images.folders import lack

_SHOWN = 5  # sets of images that are named


def gaps(missing: Mapping[Cell | None, Sequence[str]], classes: int) -> list[str]:
    """Sentences on the classes that have no images, one for all sets that lack the same.

    Args:
        missing: of each cell, or of the clean images (None), the classes without images.
        classes: how many the network has.
    """
    alike: dict[tuple[str, ...], list[str]] = {}
    for cell, names in missing.items():
        alike.setdefault(tuple(names), []).append("clean" if cell is None else f"{cell.corruption} {cell.severity}")
    return [lack(_images(sets, len(alike) == 1), names, classes) for names, sets in alike.items() if names]


def _images(sets: Sequence[str], are_all: bool) -> str:
    more = f" and {len(sets) - _SHOWN} more" if len(sets) > _SHOWN else ""
    return "the images" if are_all else f"the images of {', '.join(sets[:_SHOWN])}{more}"
