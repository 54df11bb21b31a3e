"""`groupnl data probe`: copies some labelled images of held-back splits, chosen at random, as a probe set.

`groupnl archive --probe` packs the folder; the service answers its images again and again in idle time. They are drawn
from all images alike, so that classes have the shares that they have there: the accuracy found is then an estimate of
that on the whole.
"""

import argparse
import random
import shutil
import sys
import tempfile
from pathlib import Path

from groupnl.base.atomic_file import writing
from groupnl.base.numbers import Count, Positive
from groupnl.base.options import Options as BaseOptions
from groupnl.base.texts import counted
from groupnl.errors import ConfigError, InputError
from groupnl.images import Limits, decode
from groupnl.images.folders import class_folders, image_files, no_images

NOTICE = "LICENCES.md"  # of the images' makers; goes with them


class Options(BaseOptions):
    """What `groupnl data probe` chooses from.

    Attributes:
        data: image folders by split.
        splits: names of those that are drawn from.
        images: how many are wanted.
        seed: of the choice.
        out: folder to make.
    """

    data: Path
    splits: tuple[str, ...]
    images: Positive  # `choose` says how many there are to choose from
    seed: Count
    out: Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `groupnl data probe`."""
    add = parser.add_argument
    add("--data", type=Path, default=Path("data/icons"), metavar="DIR", help="image folders by split (%(default)s)")
    add("--splits", nargs="+", default=["test_emoji", "test_style"], metavar="SPLIT", help="(test_emoji test_style)")
    add("--images", type=int, default=200, metavar="N", help="how many (%(default)s)")
    add("--seed", type=int, default=0, help="of the choice (%(default)s)")
    add("--out", type=Path, required=True, metavar="DIR", help="folder to make")


def run(options: Options) -> int:
    """Copy the images.

    Raises:
        ConfigError: a split is missing, there are too few images, or the folder is there already.
    """
    chosen = choose([options.data / split for split in options.splits], options.images, options.seed)
    copy(chosen, options.data / NOTICE, options.out)
    classes = {image.parent.name for image in chosen}
    sys.stdout.write(f"{options.out}: {counted(len(chosen), 'image')} of {counted(len(classes), 'class')}\n")
    return 0


def choose(splits: list[Path], count: int, seed: int) -> list[Path]:
    """Some images of all splits together, without replacement.

    Args:
        splits: folders with one folder of images for each class.
        count: how many, 1 or more.
        seed: of the choice.

    Raises:
        ConfigError: see `class_folders` and `image_files`; a split has no images, or all have fewer than are wanted.
    """
    images = sorted(image for split in splits for image in _images(split))
    if count > len(images):
        raise ConfigError(f"--images {count}: there are only {counted(len(images), 'image')}; ask for fewer")
    return random.Random(seed).sample(images, count)  # noqa: S311 (a choice of images, no secret)


def _images(split: Path) -> list[Path]:
    images = [image for folder in class_folders(split) for image in image_files(folder)]
    if not images:
        raise no_images(split)
    return images


def copy(chosen: list[Path], notice: Path, out: Path) -> None:
    """Copy images into `out`, one folder for each class, and beside them the notice, if there is one.

    Raises:
        WriteError: the disk does not take them.
        ConfigError: `out` is there already, an image cannot be read, or two of a class have the same name.
    """
    if out.exists():
        raise ConfigError(f"{out} exists already; remove it, or name another --out")
    refuse_unusable(chosen)
    out.parent.mkdir(parents=True, exist_ok=True)
    # Beside the target, so that the last step is one rename.
    with writing(out), tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as name:
        made = Path(name) / out.name
        for image in chosen:
            target = made / image.parent.name / image.name
            if target.exists():
                raise ConfigError(f"two images of class {image.parent.name} are called {image.name}: rename one")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(image, target)
        if notice.exists():
            shutil.copy(notice, made / NOTICE)
        made.rename(out)


def refuse_unusable(images: list[Path]) -> None:
    """Raise ConfigError for the first image that a service would refuse, before anything is written."""
    for image in images:
        try:
            decode(image.read_bytes(), Limits())
        except OSError as error:
            raise ConfigError(f"the image {image} cannot be read: {error.strerror}") from None
        except InputError as error:
            raise ConfigError(f"the image {image} cannot be used: {error}") from None
