"""A data set as all cells read it: the same images, the same corrupted pixels; made once and kept on the disk."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from torch import Generator, Tensor

from groupnl.base.atomic_file import write_whole
from groupnl.base.files import sha256_of
from groupnl.base.problems import problems
from groupnl.base.progress import progress
from groupnl.corruptions import CELLS, corrupt_each
from groupnl.errors import ConfigError
from groupnl.robustness.replay import spec_of
from groupnl_studies.grid.images import DataSet, Labelled
from groupnl_studies.grid.recipe import ImagePlan

_RECORD, _IMAGES, _CORRUPTED = "prepared.json", "images.npz", "corrupted.npy"


class PreparedRecord(BaseModel):
    """What lies in the folder.

    Attributes:
        plan: how the images were chosen.
        classes: how many.
        tests: names of the test splits.
        images_sha256: of the file of the clean images.
        corrupted_sha256: of the file of the corrupted ones.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    plan: ImagePlan
    classes: Annotated[int, Field(ge=2)]
    tests: tuple[str, ...]
    images_sha256: str
    corrupted_sha256: str


class Prepared(NamedTuple):
    """A prepared data set.

    Attributes:
        record: what it is.
        train: what is learned from.
        tests: split -> clean test images.
        corrupted: uint8 of shape (95, M, 3, S, S) in the order of `groupnl.corruptions.CELLS`; read from the disk as
            it is used.
        corrupted_labels: int64 of shape (M,).
    """

    record: PreparedRecord
    train: Labelled
    tests: dict[str, Labelled]
    corrupted: np.ndarray
    corrupted_labels: Tensor


def prepare(name: str, read: Callable[[], DataSet], plan: ImagePlan, folder: Path) -> PreparedRecord:
    """Write what `load_prepared` reads, unless it is there.

    Args:
        name: of the data set; the keys of the corruptions' random numbers begin with it.
        read: its images.
        plan: which of them are used.
        folder: for the files; made if missing.

    Returns:
        What lies there now.

    Raises:
        ConfigError: images that cannot be used, or the folder holds those of another plan.
    """
    if (folder / _RECORD).is_file():
        return _read_record(folder, plan)
    found = read()
    folder.mkdir(parents=True, exist_ok=True)
    train = found.train.part(_some(len(found.train.labels), plan.train_images, plan.seed))
    chosen = chosen_positions({split: len(labelled.labels) for split, labelled in found.tests.items()}, plan)
    keys = [f"{name}/{split}/{index}" for split, indices in chosen.items() for index in indices.tolist()]
    parts = [found.tests[split].part(indices) for split, indices in chosen.items()]
    _write_images(folder / _IMAGES, train, found.tests, torch.cat([part.labels for part in parts]))
    _write_corrupted(folder / _CORRUPTED, torch.cat([part.pixels for part in parts]), keys, plan.seed)
    record = PreparedRecord(
        plan=plan,
        classes=found.classes,
        tests=tuple(found.tests),
        images_sha256=sha256_of(folder / _IMAGES),
        corrupted_sha256=sha256_of(folder / _CORRUPTED),
    )
    write_whole(folder / _RECORD, record.model_dump_json(indent=2) + "\n")  # last: now the folder is whole
    return record


def chosen_positions(counts: Mapping[str, int], plan: ImagePlan) -> dict[str, Tensor]:
    """Which test images are corrupted: of every split the same number, in rising order.

    Args:
        counts: split -> how many images it has.
        plan: how many are chosen, and by which seed.

    Returns:
        Split -> positions in it; int64 (M,).
    """
    each = max(1, plan.corrupted_images // len(counts))
    return {split: _some(count, each, plan.seed) for split, count in counts.items()}


def _read_record(folder: Path, plan: ImagePlan) -> PreparedRecord:
    """What lies in a prepared folder.

    Raises:
        ConfigError: it cannot be read, or is of another plan.
    """
    try:
        record = PreparedRecord.model_validate_json((folder / _RECORD).read_text(encoding="utf-8"))
    except ValidationError as error:
        raise ConfigError(f"{folder / _RECORD} cannot be used: {problems(error)}; remove {folder}") from error
    if record.plan != plan:
        raise ConfigError(f"{folder} holds images of the plan {record.plan}, wanted is {plan}: choose another --out")
    return record


def load_prepared(folder: Path, plan: ImagePlan) -> Prepared:
    """What `prepare` wrote.

    Raises:
        ConfigError: the folder holds the images of another plan.
    """
    record = _read_record(folder, plan)
    with np.load(folder / _IMAGES) as arrays:
        tensors = {key: torch.from_numpy(arrays[key]) for key in arrays.files}
    return Prepared(
        record=record,
        train=_labelled(tensors, "train"),
        tests={split: _labelled(tensors, split) for split in record.tests},
        corrupted=np.load(folder / _CORRUPTED, mmap_mode="r"),
        corrupted_labels=tensors["corrupted_labels"],
    )


def _some(count: int, wanted: int | None, seed: int) -> Tensor:
    """Positions of a random part, in rising order; of all where fewer are there than wanted."""
    order = torch.randperm(count, generator=Generator().manual_seed(seed))
    return order[:wanted].sort().values


def _labelled(tensors: dict[str, Tensor], split: str) -> Labelled:
    return Labelled(tensors[f"{split}_pixels"], tensors[f"{split}_labels"])


def _write_images(path: Path, train: Labelled, tests: dict[str, Labelled], corrupted_labels: Tensor) -> None:
    splits = {"train": train, **tests}
    arrays = {"corrupted_labels": corrupted_labels.numpy()}
    for split, labelled in splits.items():
        arrays |= {f"{split}_pixels": labelled.pixels.numpy(), f"{split}_labels": labelled.labels.numpy()}
    np.savez(path, allow_pickle=False, **arrays)


def _write_corrupted(path: Path, pixels: Tensor, keys: Sequence[str], seed: int) -> None:
    shape = (len(CELLS), *pixels.shape)
    corrupted = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=shape)
    for row, cell in enumerate(progress(CELLS, title=f"corrupting {len(pixels)} images", unit="cells")):
        corrupted[row] = corrupt_each(pixels, [spec_of(key, cell, seed) for key in keys]).numpy()
    corrupted.flush()
