"""The options that say which images are measured."""

import argparse
from collections.abc import Container, Iterator
from pathlib import Path
from typing import NamedTuple, Self

from pydantic import model_validator

from groupnl.base.numbers import Positive
from groupnl.base.options import Options
from groupnl.base.problems import nearest
from groupnl.corruptions.names import NAMES, SEVERITIES
from groupnl.validation.sets.table import CLEAN, CORRUPTED

_DATA, _IMAGENET_C = "images", "imagenet-c"  # sets that have options of their own
_OTHERS = [name for name in (*CLEAN, *CORRUPTED) if name not in (_DATA, _IMAGENET_C)]


class Named(NamedTuple):
    """A set that was asked for.

    Attributes:
        name: of `CLEAN` or `CORRUPTED`.
        paths: where it lies.
    """

    name: str
    paths: tuple[Path, ...]


class SetOptions(Options):
    """Which images are measured.

    Attributes:
        data: clean images in class folders.
        imagenet_c: folder of ImageNet-C.
        sets: a name and paths of each published set.
        corrupt: the clean images are corrupted here.
        corruptions: only these; None: all of the set.
        severities: only these; None: all of the set.
        as_published: what is corrupted here goes through the published JPEG compression.
    """

    data: tuple[Path, ...] | None
    imagenet_c: Path | None
    sets: tuple[tuple[str, ...], ...] | None
    corrupt: bool
    corruptions: tuple[str, ...] | None
    severities: tuple[Positive, ...] | None
    as_published: bool

    @model_validator(mode="after")
    def _images_are_named(self) -> Self:
        for name, *paths in self.sets or ():
            _refuse_set(name, paths)
        self._refuse_several()
        clean, corrupted = self.clean, self.corrupted
        if self.corrupt and clean is None:
            raise ValueError("--corrupt needs the clean images: --data")
        if clean is None and corrupted is None:
            raise ValueError("name images with --data, with --imagenet-c, or with both; or a published set with --set")
        chosen = {"--corruptions": self.corruptions, "--severities": self.severities}
        if any(chosen.values()) and not (self.corrupt or corrupted):
            option = next(name for name, given in chosen.items() if given)
            raise ValueError(f"{option} chooses among corrupted images: give --corrupt or --imagenet-c with it")
        if self.as_published and not self.corrupt:
            raise ValueError("--as-published is for --corrupt; ImageNet-C's files are as published")
        if self.corrupt:
            self._refuse_what_is_not_made()
        return self

    @property
    def clean(self) -> Named | None:
        """The set that is measured as a whole."""
        return next(self._named(CLEAN), None)

    @property
    def corrupted(self) -> Named | None:
        """The set of corrupted images."""
        return next(self._named(CORRUPTED), None)

    def _named(self, known: Container[str]) -> Iterator[Named]:
        if self.data and _DATA in known:
            yield Named(_DATA, self.data)
        if self.imagenet_c and _IMAGENET_C in known:
            yield Named(_IMAGENET_C, (self.imagenet_c,))
        for name, *paths in self.sets or ():
            if name in known:
                yield Named(name, tuple(map(Path, paths)))

    def _refuse_several(self) -> None:
        clean = [named.name for named in self._named(CLEAN)]
        corrupted = [named.name for named in self._named(CORRUPTED)]
        each = "measure one after the other, each with an --output of its own"
        for several in (clean, [*corrupted, *(["--corrupt"] if self.corrupt else [])]):
            if len(several) > 1:
                raise ValueError(f"{' and '.join(several)} are two sets: {each}")
        if clean and corrupted and clean[0] not in (_DATA, CORRUPTED[corrupted[0]].clean):
            raise ValueError(f"{clean[0]} and {corrupted[0]} are not of the same images: {each}")

    def _refuse_what_is_not_made(self) -> None:
        for name in self.corruptions or ():
            if name not in NAMES:
                raise ValueError(
                    f"--corruptions {name}: --corrupt makes no such corruption, only {', '.join(NAMES)}"
                    f"{nearest(name, NAMES)}"
                )
        for level in self.severities or ():
            if level not in SEVERITIES:
                raise ValueError(f"--severities {level}: --corrupt makes severities 1 to {SEVERITIES[-1]}")


def add_set_arguments(group: "argparse._ArgumentGroup") -> None:
    """Declare them."""
    add = group.add_argument
    add("--data", nargs="+", type=Path, metavar="PATH", help="clean images: folder of class folders, tar, shards")
    source = group.add_mutually_exclusive_group()
    source.add_argument("--imagenet-c", type=Path, metavar="DIR", help="holds <corruption>/<severity>/<class>/<file>")
    source.add_argument("--corrupt", action="store_true", help="corrupt the clean images here")
    published = f"a published set, or `corrupted` folders: {', '.join(_OTHERS)}"
    add("--set", dest="sets", action="append", nargs="+", metavar=("NAME", "PATH"), help=published)
    add("--corruptions", nargs="+", metavar="NAME", help="only these (all of the set)")
    add("--severities", nargs="+", type=int, metavar="N", help="only these (all of the set: 1 to 5)")
    add("--as-published", action="store_true", help="with --corrupt: and JPEG of quality 85, as the published files")


def _refuse_set(name: str, paths: list[str]) -> None:
    known = (*CLEAN, *CORRUPTED)
    if name not in known:
        raise ValueError(f"--set {name}: there is no such set, only {', '.join(known)}{nearest(name, known)}")
    if not paths:
        raise ValueError(f"--set {name} needs a path: where the set lies")
