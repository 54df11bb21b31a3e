"""`groupnl data probe`: copies some labelled images of held-back splits, alike for each class, as a probe set.

`groupnl archive --probe` packs the folder; the service answers its images again and again in idle time.
"""

import argparse
import random
import shutil
import sys
from pathlib import Path

from groupnl.errors import ConfigError
from groupnl.training.data import class_names

NOTICE = "LICENCES.md"  # of the images' makers; goes with them


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `groupnl data probe`."""
    add = parser.add_argument
    add("--data", type=Path, default=Path("data/icons"), metavar="DIR", help="image folders by split (%(default)s)")
    add("--splits", nargs="+", default=["test_emoji", "test_style"], metavar="SPLIT", help="(%(default)s)")
    add("--per-class", type=int, default=4, metavar="N", help="images of each class (%(default)s)")
    add("--seed", type=int, default=0, help="of the choice (%(default)s)")
    add("--out", type=Path, required=True, metavar="DIR", help="folder to make")


def run(args: argparse.Namespace) -> int:
    """Copy the images.

    Raises:
        ConfigError: a split is missing, a class has too few images, or the folder is there already.
    """
    chosen = choose([args.data / split for split in args.splits], args.per_class, args.seed)
    copy(chosen, args.out)
    if (notice := args.data / NOTICE).exists():
        shutil.copy(notice, args.out / NOTICE)
    sys.stdout.write(f"{args.out}: {sum(map(len, chosen.values()))} images of {len(chosen)} classes\n")
    return 0


def choose(splits: list[Path], per_class: int, seed: int) -> dict[str, list[Path]]:
    """Some images of each class, from all splits together, without replacement.

    Args:
        splits: folders with one folder of images for each class.
        per_class: how many of each class.
        seed: of the choice.

    Raises:
        ConfigError: a class has fewer images than are wanted.
    """
    rng = random.Random(seed)  # noqa: S311 (a choice of images, no secret)
    chosen = {}
    for name in sorted({name for split in splits for name in class_names(split)}):
        images = sorted(image for split in splits for image in (split / name).glob("*") if image.is_file())
        if len(images) < per_class:
            raise ConfigError(f"class {name} has {len(images)} images; ask for at most so many with --per-class")
        chosen[name] = rng.sample(images, per_class)
    return chosen


def copy(chosen: dict[str, list[Path]], out: Path) -> None:
    """Copy images into `out`, one folder for each class.

    Raises:
        ConfigError: `out` is there already, or two images of a class have the same name.
    """
    if out.exists():
        raise ConfigError(f"{out} exists already; remove it, or name another --out")
    for name, images in chosen.items():
        (out / name).mkdir(parents=True)
        for image in images:
            target = out / name / image.name
            if target.exists():
                raise ConfigError(f"two images of class {name} are called {image.name}: rename one")
            shutil.copy(image, target)
