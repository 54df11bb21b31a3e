"""Where the images come from: class folders, tars or WebDataset shards, all read by timm."""

import logging
from abc import ABC, abstractmethod
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from timm.data import create_dataset, create_reader
from timm.data.readers.img_extensions import set_img_extensions
from timm.data.readers.reader_image_in_tar import ReaderImageInTar

from groupnl.card.class_names import read_class_names
from groupnl.errors import ConfigError, not_installed
from groupnl.images.folders import (
    CALLED_IMAGES,
    READ,
    class_folders,
    image_files,
    is_hidden,
    lack,
    no_images,
    refuse_empty,
    refuse_unknown,
)
from groupnl.training.config import TrainConfig
from groupnl.training.distributed import World, spread
from groupnl.training.images import Images
from groupnl.training.refusal import refused
from groupnl.training.tars import has_images, is_visible_image, refuse_misplaced_members, tars_of

_log = logging.getLogger(__name__)
# Our `Images`, or timm's data set of shards; timm is not typed.
Dataset = Any
# Of tars, timm would pass over all but three kinds.
set_img_extensions(CALLED_IMAGES)
_OTHER_NAME = {"val": "validation", "validation": "val"}


class SplitPart(NamedTuple):
    """What a process measures of a split.

    Attributes:
        dataset: its images.
        images: how many the whole split has.
    """

    dataset: Dataset
    images: int


class Source(ABC):
    """The splits of a run."""

    def __init__(self, config: TrainConfig, world: World) -> None:
        self.config = config
        self.world = world

    @abstractmethod
    def classes(self) -> tuple[str, ...]:
        """Class names in the order of the logits."""

    @abstractmethod
    def training(self, classes: tuple[str, ...]) -> Dataset:
        """The whole training split; each process is dealt its share of every epoch by the loader."""

    @abstractmethod
    def evaluation(self, split: str, classes: tuple[str, ...]) -> SplitPart:
        """This process's share of a split: together they hold every image once."""


class Folders(Source):
    """A split is the folder DATA/SPLIT with one folder of images for each class."""

    def classes(self) -> tuple[str, ...]:
        """Names of the training split's class folders, sorted."""
        return self._names(self._place(self.config.train_split))

    def training(self, classes: tuple[str, ...]) -> Dataset:
        """The whole training split."""
        place = self._place(self.config.train_split)
        dataset = self._open(place, classes, complete=False)
        if missing := set(range(len(classes))) - _labels(dataset.reader):
            raise ConfigError(
                f"split {place} has no images of class {classes[min(missing)]}: fill its folder, or remove it"
            )
        return dataset

    def evaluation(self, split: str, classes: tuple[str, ...]) -> SplitPart:
        """Every so many-th image."""
        place = self._place(split)
        refuse_unknown([place / name for name in self._names(place)], classes)
        dataset = self._open(place, classes, complete=True)
        self._refuse_unreadable(dataset.reader)
        labels = _labels(dataset.reader)
        missing = [name for label, name in enumerate(classes) if label not in labels]
        if missing and self.world.is_main:
            _log.warning("%s", lack(f"the images of {place}", missing, len(classes)))
        images = len(dataset)
        for name in {"samples", "targets"} & set(vars(dataset.reader)):  # tars keep the classes apart
            own = getattr(dataset.reader, name)[self.world.rank :: self.world.size]
            setattr(dataset.reader, name, own)
        return SplitPart(dataset, images)

    def _open(self, place: Path, classes: tuple[str, ...], complete: bool) -> Dataset:
        with refused(f"split {place}"):
            return Images(self._reader(place, _numbered(classes)), complete)

    def _refuse_unreadable(self, reader: Any) -> None:
        """What would else end the run after its first epoch, as far as that can be seen without decoding."""
        refuse_empty(Path(name) for name, _ in reader.samples)

    def _place(self, split: str) -> Path:
        """`val` and `validation` are one split under two names."""
        place, other = (self.config.data / name for name in (split, _OTHER_NAME.get(split, split)))
        return other if other.exists() and not place.exists() else place

    def _names(self, place: Path) -> tuple[str, ...]:
        names = class_names(place)
        if not sum(len(image_files(place / name)) for name in names):
            raise no_images(place)
        return names

    def _reader(self, place: Path, class_map: dict[str, int]) -> Any:
        reader = create_reader("", str(place), class_map=class_map, input_key=";".join(READ))
        reader.samples = [sample for sample in reader.samples if not is_hidden(Path(sample[0]).name)]
        return reader


class Tars(Folders):
    """A split is the tar DATA/SPLIT.tar of class folders, or the folder DATA/SPLIT with one tar for each class."""

    def _place(self, split: str) -> Path:
        names = dict.fromkeys((split, _OTHER_NAME.get(split, split)))
        places = [self.config.data / f"{name}{ending}" for name in names for ending in (".tar", "")]
        found = [place for place in places if place.is_file() or (place.is_dir() and tars_of(place))]
        if not found:
            raise ConfigError(
                f"split {split}: there is neither {places[0]} nor a folder {places[1]} with a tar a class"
            )
        return found[0]

    def _refuse_unreadable(self, reader: Any) -> None:
        if empty := next((member for member, _, _ in reader.samples if not member.size), None):
            raise ConfigError(f"the image {empty.path} of {self.config.data} is empty: pack the tar without it")

    def _names(self, place: Path) -> tuple[str, ...]:
        empty = {tar.stem for tar in tars_of(place) if not has_images(tar)}
        with refused(f"split {place}"):
            reader = self._reader(place, {})
        return tuple(sorted({reader.class_idx_to_name[label] for label in reader.targets} | empty))

    def _reader(self, place: Path, class_map: dict[str, int]) -> Any:
        try:
            reader = ReaderImageInTar(str(place), class_map=class_map)
        except ValueError as error:
            if "not enough values" in str(error):  # timm's, where it finds no image
                raise no_images(place) from None
            raise
        chosen = [is_visible_image(place, PurePosixPath(member.path)) for member, _, _ in reader.samples]
        reader.samples, reader.targets = reader.samples[chosen], reader.targets[chosen]
        if not len(reader.samples):
            raise no_images(place)
        refuse_misplaced_members(place, reader.samples)
        return reader


class Shards(Source):
    """A split is named in DATA/_info.json, as timm's own sets have it, or is a pattern of files with their number."""

    def classes(self) -> tuple[str, ...]:
        """Shards hold class numbers only: the names come from a file."""
        if find_spec("webdataset") is None:
            raise ConfigError(f"--dataset wds: {not_installed('webdataset', 'train')}")
        if self.config.classes is None:
            raise ConfigError("--dataset wds needs --classes, a file of class names or `imagenet`: shards hold numbers")
        return read_class_names(self.config.classes)

    def training(self, classes: tuple[str, ...]) -> Dataset:
        """Every loading process reads shards of its own."""
        config = self.config
        dataset = self._open(config.train_split, is_training=True)
        shards, loaders = len(dataset.reader.split_info.filenames), self.world.loaders(config.workers)
        if max(1, loaders) * self.world.size > shards:
            raise ConfigError(
                f"--workers {config.workers} of {self.world.size} processes cannot share the {shards} shards of split "
                f"{config.train_split}: each needs one at least"
            )
        return dataset

    def evaluation(self, split: str, classes: tuple[str, ...]) -> SplitPart:
        """Every so many-th shard, each read once; timm's own way leaves some images out and reads others twice."""
        dataset = self._open(split, is_training=False)
        reader, world = dataset.reader, self.world
        if not reader.num_samples:
            raise ConfigError(f"split {split}: say how many images it has, as in 'val-{{000..063}}.tar|50000'")
        shards = reader.split_info.filenames
        if len(shards) < world.size:
            raise ConfigError(f"split {split} has {len(shards)} shards, fewer than the {world.size} processes")
        own = tuple(shards[world.rank :: world.size])
        reader.split_info = replace(reader.split_info, filenames=own)
        reader.dist_rank, reader.dist_num_replicas = 0, 1
        return SplitPart(dataset, reader.num_samples)

    def _open(self, split: str, is_training: bool) -> Dataset:
        config = self.config
        with refused(f"split {split} of {config.data}"):
            dataset = create_dataset(
                *("wds/", str(config.data)),
                split=split,
                is_training=is_training,
                batch_size=config.batch_size,
                seed=spread(config.seed),
                input_img_mode="",  # as it was opened: `as_served` comes with the other transforms
            )
        self._refuse_missing(split, dataset.reader.split_info.filenames)
        return dataset

    def _refuse_missing(self, split: str, shards: tuple[str, ...]) -> None:
        """What timm only warns of, and goes on without."""
        files = [self.config.data / name for name in shards if ":" not in name]  # others are addresses
        if missing := [path for path in files if not path.is_file()]:
            raise ConfigError(f"split {split}: {len(missing)} of {len(shards)} shards are missing, {missing[0]} first")


def source_of(config: TrainConfig, world: World) -> Source:
    """The reader of the run's data set."""
    return {"folder": Folders, "tar": Tars, "wds": Shards}[config.dataset](config, world)


def class_names(split: Path) -> tuple[str, ...]:
    """Names of the class folders, sorted: their order is the order of the logits.

    Raises:
        ConfigError: no such folder, or no class folder in it.
    """
    names = tuple(folder.name for folder in class_folders(split))
    if not names:
        raise ConfigError(f"split {split} has no class folders: it must hold one folder of images for each class")
    return names


def _labels(reader: Any) -> set[int]:
    targets = getattr(reader, "targets", None)  # of tars
    return {int(target) for target in targets} if targets is not None else {label for _, label in reader.samples}


def _numbered(classes: tuple[str, ...]) -> dict[str, int]:
    return {name: index for index, name in enumerate(classes)}
