"""The images of one figure, each with the position of its class among the network's."""

import hashlib
import random
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from groupnl.card.imagenet import imagenet_synsets
from groupnl.errors import ConfigError
from groupnl.images.folders import refuse_unknown
from groupnl.models.defaults import folder_order
from groupnl.validation.found import Extent, Found, Held
from groupnl.validation.pixels import Decode
from groupnl.validation.sets.images import Images

Positions = Mapping[str, int]


class LabelledImage(NamedTuple):
    """One image.

    Attributes:
        key: its name within the set; its random numbers hang on it.
        labels: positions of its right classes among the logits: one, but for labels such as ReaL.
        extent: where its bytes are.
    """

    key: str
    labels: tuple[int, ...]
    extent: Extent | Held


class ImageSet(NamedTuple):
    """What is known of a set before it is measured.

    Attributes:
        images: how many.
        sha256: of their keys, labels and lengths; tells whether a figure is of the same images.
        missing: names of the classes, or their numbers, of which it has none, also among those that are not used.
        list: makes the list of them, and refuses others. A hundred lists of 50,000 are not held at a time.
        of_classes: how many there are of each class, by its position, also among those that are not used.
        decode: what makes a picture of the bytes of each.
        answers: positions of the classes that may be answered; None: all of the network's.
    """

    images: int
    sha256: str
    missing: tuple[str, ...]
    list: Callable[[], list[LabelledImage]]
    of_classes: Mapping[int, int]
    decode: Decode
    answers: tuple[int, ...] | None = None


class ImageChoice(NamedTuple):
    """Which images of a set are used.

    Attributes:
        limit: how many at most, chosen at random; None: all. From sets of equal names the same are chosen.
        seed: of the choice.
    """

    limit: int | None
    seed: int


def image_set(
    images: Images, positions: Positions, classes: int, choice: ImageChoice, restricted: bool = False
) -> ImageSet:
    """Look through a set.

    Args:
        images: where they lie.
        positions: class name -> position, see `class_positions`.
        classes: how many the network has.
        choice: which of the images are used.
        restricted: only the classes that have a folder may be answered.

    Raises:
        ConfigError: see `Images.find`; or a class is none of the network's, or none has a folder that must have one.
    """

    def labelled() -> list[LabelledImage]:
        now = _chosen(images.find(), choice)
        if _digest(now, positions, classes, answers) != sha256:
            raise ConfigError(
                f"images were added, removed or changed after they were looked through: of {len(chosen)}, of which "
                f"{chosen[0].key} in {chosen[0].extent.path} is the first; repeat the command"
            )
        return [LabelledImage(each.key, _labels(each, positions, classes), each.extent) for each in now]

    folders = images.class_folders()
    refuse_unknown(folders, positions)
    if restricted and not folders:
        raise ConfigError("which classes can be answered is told by class folders, and these images have numbers")
    answers = tuple(sorted({positions[folder.name] for folder in folders})) if restricted else None
    found = images.find()
    of_classes = Counter(label for each in found for label in _labels(each, positions, classes))
    missing = _missing(of_classes, positions, range(classes) if answers is None else answers)
    chosen = _chosen(found, choice)
    sha256 = _digest(chosen, positions, classes, answers)
    return ImageSet(
        images=len(chosen),
        sha256=sha256,
        missing=missing,
        list=labelled,
        of_classes=of_classes,
        decode=images.decode,
        answers=answers,
    )


def class_positions(folders: Sequence[Path], classes: Sequence[str] | None, count: int) -> Positions:
    """Where the classes that folders are named after stand among the logits.

    Args:
        folders: of the classes.
        classes: names in the order of the logits, if they are known.
        count: of the network's classes.

    Returns:
        The order of the known names, or ImageNet's for its synsets (n01440764, ...) and 1000 classes, whichever most
        folders are called after; where the names are not known and most are no synsets, that of the sorted folders.

    Raises:
        ConfigError: a folder is none of the classes; or they have no names, and there are more or fewer folders, or
            folders whose order is not plain.
    """
    names = {folder.name for folder in folders}
    synsets = imagenet_synsets()
    orders = [order for order in (classes, synsets if count == len(synsets) else None) if order is not None]
    order = max(orders, key=lambda order: len(names.intersection(order)), default=())
    if classes is not None or 2 * len(names.intersection(order)) > len(names):
        refuse_unknown(folders, set(order))
        return numbered(order)
    if len(names) != count:
        raise ConfigError(
            f"there are {len(names)} class folders for {count} classes, and the checkpoint does not name its classes: "
            "then a folder is needed for each, or all names with --classes FILE"
        )
    return numbered(_plainly_sorted(names))


def numbered(names: Sequence[str]) -> Positions:
    """Names in the order of the logits, by name."""
    return {name: index for index, name in enumerate(names)}


def _plainly_sorted(names: Collection[str]) -> list[str]:
    """Training scripts sort folders as text or as timm does: their order is known where both are the same."""
    as_text = sorted(names)
    for one, other in zip(as_text, folder_order(as_text), strict=True):
        if one != other:
            raise ConfigError(
                f"which class comes first, {one} or {other}, is not known: programs sort folders differently, and the "
                "checkpoint does not name its classes: give their names in the order of its training with --classes "
                "FILE, one a line"
            )
    return as_text


def is_imagenet(names: Collection[str], count: int) -> bool:
    """Whether classes are ImageNet's, or some of them."""
    synsets = imagenet_synsets()
    return bool(names) and count == len(synsets) and set(names) <= set(synsets)


def _digest(chosen: Sequence[Found], positions: Positions, classes: int, answers: Sequence[int] | None) -> str:
    digest = hashlib.sha256()
    for image in chosen:
        labels = " ".join(map(str, _labels(image, positions, classes)))
        checksum = f"\0{image.checksum:08x}" if image.checksum else ""
        digest.update(f"{image.key}\0{labels}\0{image.extent.length}{checksum}\n".encode(errors="surrogateescape"))
    if answers is not None:
        digest.update(f"{answers}\n".encode())
    return digest.hexdigest()


def _missing(present: Collection[int], positions: Positions, classes: Iterable[int]) -> tuple[str, ...]:
    names = {label: name for name, label in positions.items()}
    return tuple(names.get(label, str(label)) for label in classes if label not in present)


def _chosen(found: list[Found], choice: ImageChoice) -> list[Found]:
    if choice.limit is None or choice.limit >= len(found):
        return found
    places = random.Random(choice.seed).sample(range(len(found)), choice.limit)  # noqa: S311 (no secret)
    return [found[place] for place in sorted(places)]


def _labels(image: Found, positions: Positions, classes: int) -> tuple[int, ...]:
    if isinstance(image.truth, int):
        if not 0 <= image.truth < classes:
            raise ConfigError(f"the image {image.key} is of class {image.truth}; the network has 0 to {classes - 1}")
        return (image.truth,)
    names = (image.truth,) if isinstance(image.truth, str) else image.truth
    return tuple(positions[name] for name in names)
