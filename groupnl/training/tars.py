"""Which tars a split has, and which of their members are images: the rule of folders, for what timm would pass over."""

import tarfile
from pathlib import Path, PurePosixPath
from typing import Any

from groupnl.errors import ConfigError
from groupnl.images.folders import class_folders, is_hidden, is_image, link_in_tar, refuse_misplaced
from groupnl.training.refusal import refused

_ENDING = ".tar"


def tars_of(place: Path) -> list[Path]:
    """The tars of a split, sorted; none where it is a folder without any.

    Args:
        place: a tar, or a folder with a tar for each class.

    Raises:
        ConfigError: the folder holds something else that may be a class, or an image.
    """
    if place.is_file():
        return [place]
    tars = sorted(path for path in place.iterdir() if path.suffix.lower() == _ENDING and not is_hidden(path.name))
    if tars:
        _refuse_beside(place, tars)
    return tars


def _refuse_beside(place: Path, tars: list[Path]) -> None:
    folders = sorted(path.name for path in place.iterdir() if path.is_dir() and not is_hidden(path.name))
    if folders:
        raise ConfigError(
            f"split {place} holds the folder {folders[0]} beside tars: each class must be a tar, or each a folder "
            "(--dataset folder)"
        )
    class_folders(place)  # refuses images beside them
    for tar in tars:
        if tar.suffix != _ENDING:
            raise ConfigError(f"the ending of {tar} would not be found: call it {tar.with_suffix(_ENDING).name}")


def has_images(tar: Path) -> bool:
    """Whether a tar has an image or, as timm allows it, another tar.

    Raises:
        ConfigError: it cannot be read, or an image is a link or of a format that is not read.
    """
    with refused(str(tar)), tarfile.open(tar, "r:") as members:
        found = [_counts(tar, member) for member in members]  # all are looked at, not only those up to the first
    return any(found)


def _counts(tar: Path, member: tarfile.TarInfo) -> bool:
    name = PurePosixPath(member.name)
    if member.isdir() or not is_visible_image(tar, name):
        return member.isfile() and name.suffix.lower() == _ENDING
    if not member.isfile():
        raise link_in_tar(tar, name)
    return True


def is_visible_image(tar: Path, member: PurePosixPath) -> bool:
    """Whether a member is called an image, and neither it nor a folder around it is hidden.

    Raises:
        ConfigError: it is called one of a format that is not read.
    """
    return not any(map(is_hidden, member.parts)) and is_image(tar / member)


def refuse_misplaced_members(place: Path, samples: Any) -> None:
    """In a tar of class folders; one with images only is a class itself, where it has neighbours or lies in a tar.

    Args:
        place: the split: a tar, or a folder of tars.
        samples: of timm's reader: member, tar that it is in, tar within that.

    Raises:
        ConfigError: images do not lie right in class folders.
    """
    tars: dict[Path, list[PurePosixPath]] = {}
    for member, tar, inner in samples:
        folder = PurePosixPath(inner.name).with_suffix("") if inner else PurePosixPath()
        tars.setdefault(place / tar if tar else place, []).append(folder / member.path)
    for tar, names in tars.items():
        if tar == place or any(name.parent.name for name in names):
            refuse_misplaced(tar, names)
