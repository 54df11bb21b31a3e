"""What is to be said of a set of images, so that it can be measured: a description is data, and `table.py` has them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from groupnl.card import InputConfig
from groupnl.validation.sets.cells import Cells
from groupnl.validation.sets.images import Images, Names

_CROP_ALL = 1.0


@dataclass(frozen=True, kw_only=True)
class SetKind:
    """What every set has.

    Attributes:
        name: by which it is asked for.
        title: as its publication calls it.
        images: how many its publication has; of corrupted ones in each cell. None: it may have any number.
        classes: how many classes they are of, likewise.
        side: of its images, pixels, where networks for them take them whole; None: they are resized and cropped as the
            network's input says.
    """

    name: str
    title: str
    images: int | None = None
    classes: int | None = None
    side: int | None = None

    def input(self, usual: InputConfig, says_size: bool, size: int | None, crop_pct: float | None) -> InputConfig:
        """How an image of the set becomes a network's input.

        Args:
            usual: as the network is evaluated.
            says_size: whether its checkpoint says the size.
            size: that the user gave.
            crop_pct: the same.
        """
        if self.side is None:
            return usual
        chosen = size or (usual.size if says_size else self.side)
        return usual.model_copy(update={"size": chosen, "crop_pct": crop_pct or _CROP_ALL})


@dataclass(frozen=True, kw_only=True)
class CleanKind(SetKind):
    """A set that is measured as a whole.

    Attributes:
        open: paths, the network's class names, and how many it has -> its images.
        restricted: only the set's own classes can be answered: logits of others are left out, as its publication does.
        counted: where its classes have numbers, nothing says what they are called.
    """

    open: Callable[[Sequence[Path], Names, int], Images]
    restricted: bool = False
    counted: bool = False


@dataclass(frozen=True, kw_only=True)
class CorruptedKind(SetKind):
    """A set of cells, each of which has the same images under one corruption at one severity.

    Attributes:
        open: folder, the network's class names, and how many it has -> its cells.
        corruptions: names in their order; none: whatever lies there.
        clean: name of the set of the same images without corruption.
        crop: side of the centre crop, pixels, by which its files become input without a resize; None: see `side`.
        alexnet: whether AlexNet's errors on it are published, so that it has an mCE.
        stored: how records call it; None: by its name.
        mean: what its mean error is, in a sentence for who compares it.
    """

    open: Callable[[Path, Names, int], Cells]
    corruptions: tuple[str, ...] = ()
    clean: str = "images"
    crop: int | None = None
    alexnet: bool = False
    stored: str | None = None
    mean: str = ""

    @property
    def origin(self) -> str:
        """How records call where its images came from."""
        return self.stored or self.name
