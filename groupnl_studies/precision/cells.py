"""What a precision does to robustness: the same corrupted pixels in all 95 cells, answered in every way."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from groupnl.corruptions.names import CELLS
from groupnl.inference.engines.engine import Engine
from groupnl.validation.offline import HeldBack, Measurement


class Robustness(NamedTuple):
    """One network in one way, over all cells.

    Attributes:
        network: its name.
        way: name of the way.
        images: clean ones, each of which is corrupted once a cell.
        clean_correct: clean images that are answered rightly.
        kept: for each cell, copies whose first class is that of their clean image.
        correct: for each cell, copies that are answered rightly.
    """

    network: str
    way: str
    images: int
    clean_correct: int
    kept: tuple[int, ...]
    correct: tuple[int, ...]

    @property
    def agreement(self) -> float:
        """Share of all copies whose first class is that of their clean image."""
        return sum(self.kept) / (self.images * len(self.kept))

    @property
    def accuracy(self) -> float:
        """Share of all copies that are answered rightly."""
        return sum(self.correct) / (self.images * len(self.correct))


def in_all_cells(
    network: str,
    engines: dict[str, Engine],
    images: HeldBack,
    *,
    seed: int,
    batch_size: int,
    progress: Callable[[int], object] = lambda images: None,
) -> list[Robustness]:
    """Answer all images, clean and in every cell, in every way.

    Args:
        network: its name.
        engines: way -> engine.
        images: labelled.
        seed: of the corruptions, beside each image's key.
        batch_size: images at once.
        progress: told how many images were answered.
    """
    measurement = Measurement(list(engines.values()), images, seed=seed, batch_size=batch_size, progress=progress)
    count = len(images.keys)
    cells = [measurement.cell(cell) for cell in CELLS]
    return [
        Robustness(
            network=network,
            way=way,
            images=count,
            clean_correct=clean,
            kept=tuple(count - figures[index].flips for figures in cells),
            correct=tuple(figures[index].correct for figures in cells),
        )
        for index, (way, clean) in enumerate(zip(engines, measurement.clean_correct(), strict=True))
    ]


def cells_summary(found: Sequence[Robustness]) -> list[dict[str, Any]]:
    """All figures, as JSON takes them."""
    return [each._asdict() | {"agreement": each.agreement, "accuracy": each.accuracy} for each in found]


def cells_table(found: Sequence[Robustness]) -> str:
    """The figures in Markdown."""
    lines = ["| network | way | clean accuracy | accuracy in 95 cells | first class kept |", f"|{'---|' * 5}"]
    for each in found:
        clean = each.clean_correct / each.images
        lines.append(f"| {each.network} | {each.way} | {clean:.2%} | {each.accuracy:.2%} | {each.agreement:.2%} |")
    return "\n".join(lines)
