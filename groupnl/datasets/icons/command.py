"""`groupnl data icons`: the command line of the icons data set.

`groupnl.cli` wires it up; the work is done in `build`.
"""

import argparse
import sys
from pathlib import Path
from typing import get_args

from groupnl.base.options import Options as BaseOptions
from groupnl.datasets.icons.build import build
from groupnl.datasets.icons.dataset import IconSet
from groupnl.datasets.icons.split import SPLITS, SkinTones

MIN_SIZE, MAX_SIZE = 64, 128


class Options(BaseOptions):
    """What `groupnl data icons` builds.

    Attributes:
        out: folder to build.
        size: side of the images, pixels.
        seed: of split, tones and backgrounds.
        skin_tones: which tones there are beside each default drawing.
        cache: folder of the fetched packages; None: `npm` beside `out`.
        overwrite: replace the icon set that is in `out`.
    """

    out: Path
    size: int
    seed: int
    skin_tones: SkinTones
    cache: Path | None
    overwrite: bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `groupnl data icons`."""
    parser.add_argument("--out", type=Path, default=Path("data/icons"), help="folder to build (default: %(default)s)")
    parser.add_argument(
        "--size", type=pixels, default=64, help="side of the images, 64 to 128 pixels (default: %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of split, tones, backgrounds (default: %(default)s)")
    parser.add_argument(
        "--skin-tones",
        choices=get_args(SkinTones),
        default="one",
        help="beside each default drawing: one tone a style, all, or none (default: %(default)s)",
    )
    parser.add_argument("--cache", type=Path, help="folder of the fetched packages (default: npm, beside --out)")
    parser.add_argument("--overwrite", action="store_true", help="replace the icon set that is in --out")


def run(options: Options) -> int:
    """Build the data set and say what is in it."""
    icons = build(
        options.out,
        options.cache or options.out.parent / "npm",
        size=options.size,
        seed=options.seed,
        skin_tones=options.skin_tones,
        overwrite=options.overwrite,
    )
    sys.stdout.write(_summary(icons, options.out))
    return 0


def pixels(text: str) -> int:
    """Read `--size`; argparse shows this function's name in its message."""
    size = int(text)
    if not MIN_SIZE <= size <= MAX_SIZE:
        raise argparse.ArgumentTypeError(f"{size} is not from {MIN_SIZE} to {MAX_SIZE}")
    return size


def _summary(icons: IconSet, out: Path) -> str:
    counts = ", ".join(f"{split} {icons.count(split)}" for split in SPLITS)
    return f"{out}: {len(icons.classes)} classes; images: {counts}\n"
