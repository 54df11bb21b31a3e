"""Cells of one set have the same images: a mean over cells of which one lacks some is of neither."""

from collections import Counter
from collections.abc import Mapping

from groupnl.corruptions.names import Cell
from groupnl.errors import ConfigError
from groupnl.validation.image_set import ImageSet, Positions


def refuse_uneven(sets: Mapping[Cell, ImageSet], positions: Positions) -> None:
    """See that all cells have as many images of each class.

    Args:
        sets: cells that are measured together.
        positions: class name -> position, where classes have names.

    Raises:
        ConfigError: one has fewer or more than most others; it is named, with the class.
    """
    shapes = Counter(frozenset(images.of_classes.items()) for images in sets.values())
    if len(shapes) <= 1:
        return
    usual = dict(shapes.most_common(1)[0][0])
    names = {position: name for name, position in positions.items()}
    for cell, images in sets.items():
        for label in sorted(usual.keys() | images.of_classes.keys()):
            here, there = images.of_classes.get(label, 0), usual.get(label, 0)
            if here != there:
                raise ConfigError(
                    f"{cell.corruption} at severity {cell.severity} has {here} images of the class "
                    f"{names.get(label, label)}, and most cells that are measured with it have {there}: fetch what is "
                    "missing, or measure it apart with --corruptions and --severities"
                )
