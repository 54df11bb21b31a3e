"""Where labelled images lie: a folder with one folder for each class, a tar of such, or a WebDataset's shards.

timm's datasets are not used for this: they replace an image that cannot be read by the next one, and a figure would
then be of other images than it says. Here an image is a stretch of a file, which any process can read at any time.
"""

import tarfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from groupnl.errors import ConfigError
from groupnl.images.folders import (
    class_folders,
    image_files,
    is_hidden,
    is_image,
    link_in_tar,
    no_images,
    refuse_misplaced,
)

_LABEL = "cls"  # a WebDataset's member with the number of the class


class Extent(NamedTuple):
    """A stretch of a file.

    Attributes:
        path: of the file.
        start: first byte.
        length: bytes.
    """

    path: Path
    start: int
    length: int

    def read(self) -> bytes:
        """The bytes.

        Raises:
            OSError: the file cannot be read.
        """
        with self.path.open("rb") as file:
            file.seek(self.start)
            return file.read(self.length)


class Held(NamedTuple):
    """Bytes that are read already: those of a file that is read as a whole.

    Attributes:
        path: of the file.
        content: the bytes.
    """

    path: Path
    content: bytes

    @property
    def length(self) -> int:
        """How many there are."""
        return len(self.content)

    def read(self) -> bytes:
        """The bytes."""
        return self.content


class Found(NamedTuple):
    """An image and what it shows.

    Attributes:
        key: its name within the set: CLASS/FILE, or the member of a tar; where the set has several folders or tars, the
            name of the folder or tar comes first.
        truth: name of its class, or the number of its place among the logits; or the names of several right classes.
        extent: where its bytes are.
        checksum: of the bytes, where key and length do not tell images apart.
    """

    key: str
    truth: str | int | tuple[str, ...]
    extent: Extent | Held
    checksum: int = 0


def find_images(paths: Sequence[Path]) -> list[Found]:
    """All images of a set, in the order of paths, classes and names.

    An image is what is called one; hidden files and folders are left out.

    Args:
        paths: folders with one folder for each class, tars of such folders, or shards; at least one.

    Raises:
        ConfigError: one is missing, holds no image, holds one of a format that is not read, or cannot be read; or
            images lie elsewhere than right in class folders.
    """
    found = []
    for path in paths:
        images = list(_in_folder(path) if path.is_dir() else _in_tar(path))
        if not images:
            raise no_images(path)
        prefix = f"{path.name}/" if len(paths) > 1 else ""
        found += [image._replace(key=prefix + image.key) for image in images]
    return found


def loose_images(path: Path) -> list[Found]:
    """The images that lie right in a folder or a tar, by name; none where there are class folders.

    Args:
        path: of the folder or the tar.

    Raises:
        ConfigError: see `find_images`.
    """
    if path.is_dir():
        visible = (file for file in path.iterdir() if not is_hidden(file.name))
        files = image_files(path) if any(map(is_image, visible)) else []
        return [Found(file.name, "", Extent(file, 0, file.stat().st_size)) for file in files]
    members = _members(path)
    names = sorted(name for name in members if is_image(path / name))
    are_loose = all(len(PurePosixPath(name).parts) == 1 for name in names)
    return [Found(name, "", members[name]) for name in names] if are_loose else []


def class_places(paths: Sequence[Path]) -> list[Path]:
    """The class folders of a set, also those without images; none where a WebDataset gives numbers.

    Args:
        paths: see `find_images`.

    Raises:
        ConfigError: see `find_images`.
    """
    return [place for path in paths for place in (class_folders(path) if path.is_dir() else _places_in_tar(path))]


def _in_folder(folder: Path) -> Iterator[Found]:
    for group in class_folders(folder):
        for file in image_files(group):
            yield Found(f"{group.name}/{file.name}", group.name, Extent(file, 0, file.stat().st_size))


def _in_tar(path: Path) -> Iterator[Found]:
    members = _members(path)
    return _in_shard(path, members) if _is_shard(members) else _in_class_folders(path, members)


def _places_in_tar(path: Path) -> list[Path]:
    members = _members(path)
    return [] if _is_shard(members) else sorted({path / PurePosixPath(name).parent for name in _images(path, members)})


def _is_shard(members: Iterable[str]) -> bool:
    return any(_kind(name) == _LABEL for name in members)


def _members(path: Path) -> dict[str, Extent]:
    if not path.is_file():
        raise ConfigError(f"{path} does not exist: name a folder of class folders, a tar, or a WebDataset's shards")
    try:
        with tarfile.open(path, "r:") as tar:  # compressed, a member is no stretch of the file
            return {
                member.name.removeprefix("./"): Extent(path, member.offset_data, member.size)
                for member in tar
                if _is_visible_file(path, member)
            }
    except tarfile.TarError as error:
        raise ConfigError(f"{path} is no uncompressed tar ({error}); unpack it, or decompress it first") from None


def _is_visible_file(path: Path, member: tarfile.TarInfo) -> bool:
    name = PurePosixPath(member.name)
    if member.isdir() or any(map(is_hidden, name.parts)):
        return False
    if not member.isfile() and is_image(path / name):
        raise link_in_tar(path, name)
    return member.isfile()


def _in_class_folders(path: Path, members: dict[str, Extent]) -> Iterator[Found]:
    for name in _images(path, members):
        yield Found(name, PurePosixPath(name).parent.name, members[name])


def _images(path: Path, members: Iterable[str]) -> list[str]:
    """The images of a tar of class folders, by folder and name."""
    images = sorted(filter(lambda name: is_image(path / name), members), key=lambda name: PurePosixPath(name).parts)
    refuse_misplaced(path, map(PurePosixPath, images))
    return images


def _in_shard(path: Path, members: dict[str, Extent]) -> Iterator[Found]:
    numbers = {_sample(name): extent for name, extent in members.items() if _kind(name) == _LABEL}
    for name, extent in members.items():
        if "." not in _kind(name) and is_image(path / name):
            yield Found(name, _number(path, _sample(name), numbers), extent)


def _number(path: Path, sample: str, numbers: dict[str, Extent]) -> int:
    try:
        return int(numbers[sample].read())
    except (KeyError, ValueError):
        raise ConfigError(f"{path}: the sample {sample} has no class number in a member {sample}.{_LABEL}") from None


def _sample(name: str) -> str:
    """A WebDataset's sample is called as its members up to the first point of their file names."""
    path = PurePosixPath(name)
    return (path.parent / path.name.split(".", 1)[0]).as_posix()


def _kind(name: str) -> str:
    return PurePosixPath(name).name.partition(".")[2].lower()
