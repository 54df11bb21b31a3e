"""Where the images come from: class folders, tars or WebDataset shards, all read by timm."""

from abc import ABC, abstractmethod
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from timm.data import ImageDataset, create_dataset, create_reader
from timm.data.readers.reader_image_in_tar import ReaderImageInTar

from groupnl.class_names import read_class_names
from groupnl.errors import ConfigError
from groupnl.training.config import TrainConfig
from groupnl.training.distributed import World
from groupnl.training.refusal import refused

# A timm data set of (image, class); timm is not typed.
Dataset = Any
_OTHER_NAME = {"val": "validation", "validation": "val"}


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
    def evaluation(self, split: str, classes: tuple[str, ...]) -> Dataset:
        """This process's share of a split: together they hold every image once."""


class Folders(Source):
    """A split is the folder DATA/SPLIT with one folder of images for each class."""

    def classes(self) -> tuple[str, ...]:
        """Names of the training split's class folders, sorted."""
        return self._names(self._place(self.config.train_split))

    def training(self, classes: tuple[str, ...]) -> Dataset:
        """The whole training split."""
        return self._open(self._place(self.config.train_split), classes)

    def evaluation(self, split: str, classes: tuple[str, ...]) -> Dataset:
        """Every so many-th image."""
        place = self._place(split)
        if unknown := sorted(set(self._names(place)) - set(classes)):
            raise ConfigError(f"split {place} has classes that the training split lacks: {', '.join(unknown[:5])}")
        dataset = self._open(place, classes)
        for name in {"samples", "targets"} & set(vars(dataset.reader)):  # tars keep the classes apart
            own = getattr(dataset.reader, name)[self.world.rank :: self.world.size]
            setattr(dataset.reader, name, own)
        return dataset

    def _open(self, place: Path, classes: tuple[str, ...]) -> Dataset:
        with refused(f"split {place}"):
            return ImageDataset(str(place), reader=self._reader(place, _numbered(classes)))

    def _place(self, split: str) -> Path:
        """`val` and `validation` are one split under two names."""
        place, other = (self.config.data / name for name in (split, _OTHER_NAME.get(split, split)))
        return other if other.exists() and not place.exists() else place

    def _names(self, place: Path) -> tuple[str, ...]:
        return class_names(place)

    def _reader(self, place: Path, class_map: dict[str, int]) -> Any:
        return create_reader("", str(place), class_map=class_map)


class Tars(Folders):
    """A split is the tar DATA/SPLIT.tar of class folders, or the folder DATA/SPLIT with one tar for each class."""

    def _place(self, split: str) -> Path:
        names = dict.fromkeys((split, _OTHER_NAME.get(split, split)))
        places = [self.config.data / f"{name}{ending}" for name in names for ending in (".tar", "")]
        found = [place for place in places if place.is_file() or any(place.glob("*.tar"))]
        if not found:
            raise ConfigError(
                f"split {split}: there is neither {places[0]} nor a folder {places[1]} with a tar a class"
            )
        return found[0]

    def _names(self, place: Path) -> tuple[str, ...]:
        with refused(f"split {place}"):
            return tuple(sorted(ReaderImageInTar(str(place)).class_name_to_idx))

    def _reader(self, place: Path, class_map: dict[str, int]) -> Any:
        return ReaderImageInTar(str(place), class_map=class_map)


class Shards(Source):
    """A split is named in DATA/_info.json, as timm's own sets have it, or is a pattern of files with their number."""

    def classes(self) -> tuple[str, ...]:
        """Shards hold class numbers only: the names come from a file."""
        if find_spec("webdataset") is None:
            raise ConfigError("--dataset wds needs the package webdataset: pip install 'groupnl-serve[train]'")
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

    def evaluation(self, split: str, classes: tuple[str, ...]) -> Dataset:
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
        return dataset

    def _open(self, split: str, is_training: bool) -> Dataset:
        config = self.config
        with refused(f"split {split} of {config.data}"):
            return create_dataset(
                *("wds/", str(config.data)),
                split=split,
                is_training=is_training,
                batch_size=config.batch_size,
                seed=config.seed,
            )


def source_of(config: TrainConfig, world: World) -> Source:
    """The reader of the run's data set."""
    return {"folder": Folders, "tar": Tars, "wds": Shards}[config.dataset](config, world)


def class_names(split: Path) -> tuple[str, ...]:
    """Names of the class folders, sorted: their order is the order of the logits.

    Raises:
        ConfigError: no such folder, or no class folder in it.
    """
    if not split.is_dir():
        raise ConfigError(f"split {split} does not exist; build the icons with `groupnl data icons`, or name --data")
    names = tuple(sorted(entry.name for entry in split.iterdir() if entry.is_dir()))
    if not names:
        raise ConfigError(f"split {split} has no class folders: it must hold one folder of images for each class")
    return names


def _numbered(classes: tuple[str, ...]) -> dict[str, int]:
    return {name: index for index, name in enumerate(classes)}
