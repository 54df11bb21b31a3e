"""Builds the icons data set: the steps in order, into a folder that appears only when it is complete.

Called by `command`; nothing here knows the command line.
"""

import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from groupnl import __version__
from groupnl.base.atomic_file import writing
from groupnl.base.child_process import end_with_parent
from groupnl.base.cores import usable_cores
from groupnl.base.progress import progress
from groupnl.datasets.icons.dataset import LICENCES, RECORD, IconSet, licence_text
from groupnl.datasets.icons.drawings import Drawing, read_drawings
from groupnl.datasets.icons.render import render
from groupnl.datasets.icons.sources import PACKAGES, Package, fetch
from groupnl.datasets.icons.split import (
    SPLITS,
    SkinTones,
    Split,
    bases_by_subgroup,
    held_back_bases,
    largest,
    limit_tones,
    split_of,
    trainable,
)
from groupnl.errors import ConfigError

CLASSES = 50
WORKERS = min(8, usable_cores())
CHUNK = 32
"""Drawings handed to a process at a time."""


@dataclass(frozen=True)
class Item:
    """One image to be written."""

    split: Split
    class_name: str
    drawing: Drawing

    @property
    def path(self) -> str:
        """Return where the image goes, below the data set's folder."""
        return f"{self.split}/{self.class_name}/{self.drawing.name}.png"


def build(
    out: Path,
    cache: Path,
    *,
    size: int = 64,
    seed: int = 0,
    skin_tones: SkinTones = "one",
    overwrite: bool = False,
    packages: Sequence[Package] = PACKAGES,
    classes: int = CLASSES,
) -> IconSet:
    """Fetch the packages, draw the images and write the data set.

    Args:
        out: the data set's folder; it appears only when everything is written.
        cache: where the packages are kept.
        size: side of the images, pixels, 64 to 128. Noto and Twemoji are pictures of 64 pixels
            and get no sharper.
        seed: of the split, the skin tones and the backgrounds.
        skin_tones: beside each emoji's default drawing: one skin tone for each style, all of them, or none.
        overwrite: replace a data set that is already in `out`.
        packages: the sources.
        classes: how many subgroups, the largest first.

    Returns:
        The record that was written beside the images.

    Raises:
        ConfigError: `out` is taken, a package cannot be had, or it does not hold what is expected.
    """
    _check_free(out, overwrite)
    tarballs = {package.name: fetch(package, cache) for package in packages}
    names, items = plan(tarballs, seed=seed, skin_tones=skin_tones, classes=classes)
    icons = IconSet(
        builder=__version__,
        size=size,
        seed=seed,
        skin_tones=skin_tones,
        classes=names,
        images={split: _count(item.class_name for item in items if item.split == split) for split in SPLITS},
        styles={split: _count(item.drawing.style for item in items if item.split == split) for split in SPLITS},
        sources=tuple(packages),
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    with writing(out), tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as folder:
        staging = Path(folder) / "new"
        _write(staging, items, icons)
        _publish(staging, out, Path(folder) / "old")
    return icons


def plan(
    tarballs: dict[str, Path], *, seed: int, skin_tones: SkinTones, classes: int
) -> tuple[tuple[str, ...], list[Item]]:
    """Decide on every image without drawing any.

    Returns:
        The class names, sorted, and the images.
    """
    catalogue, drawings = read_drawings(tarballs)
    names = largest(bases_by_subgroup(drawings, catalogue), classes)
    used = [drawing for drawing in trainable(drawings) if catalogue.subgroups[drawing.key] in names]
    held_back = held_back_bases(bases_by_subgroup(used, catalogue), seed)
    items = [
        Item(split, catalogue.subgroups[drawing.key], drawing)
        for drawing in limit_tones(used, skin_tones, seed)
        if (split := split_of(drawing, held_back))
    ]
    return names, items


def _write(folder: Path, items: Sequence[Item], icons: IconSet) -> None:
    for place in {item.path.rpartition("/")[0] for item in items}:
        (folder / place).mkdir(parents=True)
    draw = partial(render, size=icons.size, seed=icons.seed)
    # A fresh interpreter each: forking a process that has threads (torch's, tqdm's) can lock up.
    with ProcessPoolExecutor(WORKERS, mp_context=get_context("spawn"), initializer=end_with_parent) as pool:
        images = pool.map(draw, [item.drawing for item in items], chunksize=CHUNK)
        for item, image in zip(progress(items, title="icons", unit="images"), images, strict=True):
            (folder / item.path).write_bytes(image)
    (folder / LICENCES).write_text(licence_text(icons), encoding="utf-8")
    (folder / RECORD).write_text(icons.model_dump_json(indent=2) + "\n", encoding="utf-8")


def _check_free(out: Path, overwrite: bool) -> None:
    if not out.exists():
        return
    if not overwrite:
        raise ConfigError(f"{out} is already there; choose another --out or add --overwrite")
    if not (out / RECORD).is_file():
        raise ConfigError(f"{out} is no icon set (it has no {RECORD}), so it is not overwritten; choose another --out")


def _publish(staging: Path, out: Path, old: Path) -> None:
    if out.exists():
        out.rename(old)
    staging.rename(out)


def _count(names: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(names).items()))
