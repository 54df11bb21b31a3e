"""Labelled images on the disk: a folder that holds one folder of images for each class.

What such a folder is, and what is refused in it, is told here for all commands: every visible folder is a class, its
images lie right in it, and nothing that may be an image or a class is passed over in silence.
"""

import os
from collections.abc import Collection, Container, Iterable, Sequence
from pathlib import Path, PurePath, PurePosixPath
from typing import NamedTuple

import torch
from torch import Tensor

from groupnl.card import InputConfig
from groupnl.card.imagenet import imagenet_classes, imagenet_synsets
from groupnl.errors import ConfigError, InputError
from groupnl.images.limits import Limits
from groupnl.images.reader import Reader

# Endings of names.
READ = (".jpg", ".jpeg", ".jfif", ".jpe", ".png", ".webp", ".bmp")
_NOT_READ = (
    *(".gif", ".tif", ".tiff", ".svg", ".svgz", ".ico", ".icns", ".apng", ".mng", ".jng", ".dib", ".tga", ".pcx"),
    *(".heic", ".heif", ".hif", ".avif", ".jxl", ".jp2", ".j2k", ".j2c", ".jpf", ".jpx", ".jpm", ".jxr", ".jxs"),
    *(".pbm", ".pgm", ".ppm", ".pnm", ".pam", ".pfm", ".qoi", ".exr", ".hdr", ".dds", ".psd", ".xcf", ".eps", ".wmf"),
    *(".emf", ".dcm", ".dicom", ".fits", ".djvu", ".sgi", ".ras", ".xbm", ".xpm", ".jif"),
    *(".dng", ".cr2", ".cr3", ".crw", ".nef", ".arw", ".orf", ".raf", ".rw2", ".pef", ".srw", ".3fr"),  # cameras
)
_ARCHIVES = (".tar", ".tar.gz", ".tgz", ".zip")  # of what may be a class, or its images
CALLED_IMAGES = (*READ, *_NOT_READ)
# So many names are shown of a longer list.
_SHOWN = 5


class LabelledFile(NamedTuple):
    """One image.

    Attributes:
        path: of the file.
        label: position of its class among the model's.
    """

    path: Path
    label: int


def class_folders(split: Path) -> list[Path]:
    """The folders of the classes, sorted by name: every folder that is not hidden, also one without images.

    Raises:
        ConfigError: there is no such folder, or it cannot be read; or it holds an image outside of any class folder, or
            an archive beside class folders or a link that leads nowhere, either of which may be a class.
    """
    if not split.is_dir():
        problem = "is no folder" if split.exists() else "does not exist"
        raise ConfigError(
            f"{split} {problem}: name a folder that holds one folder of images for each class (`groupnl data icons` "
            "builds some)"
        )
    entries = _entries(split)
    for entry in entries:
        if not entry.is_folder and _is_called_image(entry.path):
            raise loose(split, entry.path.name)
    folders = [entry.path for entry in entries if entry.is_folder]
    if folders:
        _refuse_archives(split, entries)
    return folders


def image_files(folder: Path) -> list[Path]:
    """The images in the folder of a class, sorted by name: files that are called so and not hidden.

    Raises:
        ConfigError: the folder cannot be read; or it holds another folder, an archive, a link that leads nowhere, or
            what is called an image and is no file; or see `is_image`.
    """
    images, entries = [], _entries(folder)
    _refuse_archives(folder, entries)
    for entry in entries:
        if entry.is_folder:
            raise nested(folder, entry.path.name)
        if is_image(entry.path):
            if not entry.is_file:
                raise ConfigError(f"{entry.path} is called an image, but it is no file: remove it")
            images.append(entry.path)
    return images


def refuse_unknown(folders: Iterable[Path], classes: Container[str]) -> None:
    """Raise ConfigError where a folder is called as none of the classes, naming the first."""
    for folder in folders:
        if folder.name not in classes:
            raise ConfigError(
                f"there is a folder {folder}, but the network has no such class: remove it, or call it as its class is"
            )


def refuse_misplaced(tar: Path, images: Iterable[PurePosixPath]) -> None:
    """Raise ConfigError where images of a tar do not all lie right in class folders, which lie in one folder together.

    Args:
        tar: their file, for the error.
        images: names of members.
    """
    groups = {image.parent: image for image in images}
    if (image := groups.get(PurePosixPath())) is not None:
        raise loose(tar, image.name)
    for inner in sorted(groups):
        if outer := next((group for group in inner.parents if group.name and group in groups), None):
            raise nested(tar / outer, inner.relative_to(outer).parts[0])
    homes = sorted({group.parent for group in groups})
    if len(homes) > 1:
        raise ConfigError(
            f"{tar} has class folders in {homes[0]} and in {homes[1]}: they must lie in one folder, or in a tar each"
        )


def no_images(place: Path) -> ConfigError:
    """The error of a set of images that is empty, perhaps but for hidden files."""
    return ConfigError(f"{place} has no images: it must hold one folder of images for each class")


def nested(folder: Path, inner: str) -> ConfigError:
    """The error of a class folder that holds a folder."""
    return ConfigError(f"class folder {folder} holds a folder {inner}: its images must lie right in it")


def loose(place: Path, image: str) -> ConfigError:
    """The error of an image beside the class folders."""
    return ConfigError(f"{place} holds {image} outside of any class folder: move it into the folder of its class")


def link_in_tar(tar: Path, member: PurePosixPath) -> ConfigError:
    """The error of an image of a tar that is only a link to another one."""
    return ConfigError(
        f"the image {tar / member} is a link: pack files only, as `tar --dereference --hard-dereference` does"
    )


def lack(images: str, missing: Sequence[str], classes: int) -> str:
    """A sentence about classes of which there are no images.

    Args:
        images: which images lack them.
        missing: their names.
        classes: how many there are in all.
    """
    present = classes - len(missing)
    more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
    return (
        f"{images} are of {'only one' if present == 1 else present} of the {classes} classes: none is of "
        f"{', '.join(missing[:_SHOWN])}{more}"
    )


def is_hidden(name: str) -> bool:
    """Whether a file or folder of that name is none of the user's, e.g. .DS_Store, .ipynb_checkpoints."""
    return name.startswith(".")


def is_image(file: PurePath) -> bool:
    """Whether a file is called an image, in capitals too.

    Raises:
        ConfigError: it is called one of a format that is not read; passed over, nobody would miss it.
    """
    if _has_ending(file, _NOT_READ):
        raise ConfigError(
            f"the image {file} is of a format that is not read ({', '.join(READ)} are): convert it, and others like "
            "it, to PNG"
        )
    return _has_ending(file, READ)


def labelled_files(folder: Path, classes: Sequence[str]) -> list[LabelledFile]:
    """The images of a folder, sorted by class and name; what is no image is left out.

    Args:
        folder: holds one folder of images for each class, or for some; ImageNet's may be called by their synsets.
        classes: names, in the order of the logits.

    Raises:
        ConfigError: there is no image, or a folder is none of the classes; or see `class_folders` and `image_files`.
    """
    groups = class_folders(folder)
    labels = _labels(classes, groups)
    refuse_unknown(groups, labels)
    files = [LabelledFile(path, labels[group.name]) for group in groups for path in image_files(group)]
    if not files:
        raise no_images(folder)
    return files


def _labels(classes: Sequence[str], folders: Sequence[Path]) -> dict[str, int]:
    """Name of a folder -> the position of its class."""
    labels = {name: label for label, name in enumerate(classes)}
    if any(folder.name not in labels for folder in folders) and tuple(classes) == imagenet_classes():
        labels |= {synset: label for label, synset in enumerate(imagenet_synsets())}
    return labels


def read_pixels(files: Sequence[LabelledFile], config: InputConfig) -> Tensor:
    """The images as the service sees them: uint8 of shape (N, 3, S, S).

    Args:
        files: at least one.
        config: of the model's input.

    Raises:
        ConfigError: an image cannot be used.
    """
    return read_images([file.path for file in files], config)


def read_images(files: Iterable[Path], config: InputConfig) -> Tensor:
    """The same of files that need no label; see `read_pixels`."""
    read = Reader(config, Limits())
    pixels = []
    for file in files:
        try:
            pixels.append(read(file.read_bytes()))
        except (InputError, OSError) as error:
            raise ConfigError(f"the image {file} cannot be used: {error}") from None
    return torch.stack(pixels)


def refuse_empty(images: Iterable[Path]) -> None:
    """Raise ConfigError for an image without a byte, or that this process may not read; none is opened."""
    for image in images:
        if not os.access(image, os.R_OK):
            raise ConfigError(f"the image {image} cannot be read: its permissions do not allow it, or it is gone")
        if not image.stat().st_size:
            raise ConfigError(f"the image {image} is empty: mend it, or take it out")


class _Entry(NamedTuple):
    path: Path
    is_folder: bool
    is_file: bool


def _entries(folder: Path) -> list[_Entry]:
    """What lies in a folder and is not hidden, sorted by name; links count as what they lead to."""
    try:
        with os.scandir(folder) as entries:
            return sorted(_entry(folder, entry) for entry in entries if not is_hidden(entry.name))
    except OSError as error:
        raise ConfigError(f"{error.filename or folder} cannot be read: {error.strerror}") from None


def _entry(folder: Path, entry: os.DirEntry[str]) -> _Entry:
    path = folder / entry.name
    if entry.is_symlink() and not path.exists():
        raise ConfigError(f"{path} is a link that leads nowhere: mend it, or remove it")
    return _Entry(path, entry.is_dir(), entry.is_file())


def _refuse_archives(folder: Path, entries: Iterable[_Entry]) -> None:
    for entry in entries:
        if entry.path.name.lower().endswith(_ARCHIVES) and not entry.is_folder:
            raise ConfigError(
                f"{folder} holds {entry.path.name}, which is no folder and no image: unpack it, or move it elsewhere"
            )


def _is_called_image(file: PurePath) -> bool:
    return _has_ending(file, CALLED_IMAGES)


def _has_ending(file: PurePath, endings: Collection[str]) -> bool:
    return file.suffix.lower() in endings
