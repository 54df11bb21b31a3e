"""Studies that train: data sets, their preparation, augmentation."""

import gzip
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from groupnl.corruptions import CELLS, CorruptionSpec, corrupt_each
from groupnl.errors import ConfigError
from groupnl.robustness.sampling import seed_of
from groupnl_studies.grid import prepared
from groupnl_studies.grid.augment import augment, levels, normalise
from groupnl_studies.grid.images import DataSet, Labelled, read_fashion_mnist, read_icons
from groupnl_studies.grid.recipe import ImagePlan, Recipe

FEW = CELLS[:2] + CELLS[-1:]


def write_idx(path: Path, values: np.ndarray) -> None:
    head = bytes([0, 0, 8, values.ndim]) + np.array(values.shape, ">i4").tobytes()
    path.write_bytes(gzip.compress(head + values.astype(np.uint8).tobytes()))


@pytest.fixture
def fashion(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    for name, count in (("train", 6), ("t10k", 4)):
        write_idx(tmp_path / f"{name}-images-idx3-ubyte.gz", random.integers(1, 256, (count, 28, 28)))
        write_idx(tmp_path / f"{name}-labels-idx1-ubyte.gz", np.arange(count))
    return tmp_path


def test_fashion_mnist_is_padded_and_gray(fashion: Path) -> None:
    found = read_fashion_mnist(fashion, 32)
    assert found.classes == 10
    assert found.train.pixels.shape == (6, 3, 32, 32)
    assert found.tests["test"].labels.tolist() == [0, 1, 2, 3]
    image = found.train.pixels[0]
    assert torch.equal(image[0], image[2])
    assert (image[0] > 0).sum() == 28 * 28
    assert (image[0, 2:30, 2:30] > 0).all()


def test_missing_and_damaged_files_are_told(fashion: Path) -> None:
    with pytest.raises(ConfigError, match="Debian's package dataset-fashion-mnist"):
        read_fashion_mnist(fashion / "nowhere", 32)
    for damaged in (b"no gzip", gzip.compress(b"no idx"), gzip.compress(bytes([0, 0, 8, 3, 0]))):
        (fashion / "t10k-images-idx3-ubyte.gz").write_bytes(damaged)
        with pytest.raises(ConfigError, match=r"t10k-images-idx3-ubyte\.gz is no idx file"):
            read_fashion_mnist(fashion, 32)


def test_icons_are_resized_and_labelled_by_folder(tmp_path: Path) -> None:
    for split in ("train", "test_emoji", "test_style"):
        for name, colour in (("blue", (0, 0, 255)), ("red", (255, 0, 0))):
            (tmp_path / split / name).mkdir(parents=True)
            Image.new("RGB", (64, 64), colour).save(tmp_path / split / name / "1.png")
    found = read_icons(tmp_path, 32)
    assert found.classes == 2
    assert set(found.tests) == {"test_emoji", "test_style"}
    assert found.train.labels.tolist() == [0, 1]
    assert found.train.pixels[1].flatten(1)[:, 0].tolist() == [255, 0, 0]
    assert found.train.pixels.shape == (2, 3, 32, 32)


def image_set(train: int = 30, test: int = 12) -> DataSet:
    generator = torch.Generator().manual_seed(0)

    def labelled(count: int) -> Labelled:
        pixels = torch.randint(0, 256, (count, 3, 32, 32), generator=generator, dtype=torch.uint8)
        return Labelled(pixels, torch.arange(count) % 5)

    return DataSet(5, labelled(train), {"one": labelled(test), "other": labelled(test)})


@pytest.fixture
def few_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepared, "CELLS", FEW)


@pytest.mark.usefixtures("few_cells")
def test_prepared_images_are_those_of_the_plan_and_of_the_corruptions(tmp_path: Path) -> None:
    source, plan = image_set(), ImagePlan(train_images=8, corrupted_images=6, seed=1)
    prepared.prepare("icons", lambda: source, plan, tmp_path / "x")
    found = prepared.load_prepared(tmp_path / "x", plan)
    assert found.train.pixels.shape == (8, 3, 32, 32)
    assert torch.equal(found.tests["one"].pixels, source.tests["one"].pixels)
    assert found.corrupted.shape == (len(FEW), 6, 3, 32, 32)
    position = next(
        index
        for index, image in enumerate(source.tests["one"].pixels)
        if torch.equal(
            corrupt_each(image[None], [CorruptionSpec(*FEW[1], seed_of(f"icons/one/{index}", *FEW[1], 1))])[0],
            torch.from_numpy(np.array(found.corrupted[1, 0])),
        )
    )
    assert found.corrupted_labels[0] == source.tests["one"].labels[position]


@pytest.mark.usefixtures("few_cells")
def test_prepared_images_are_made_once_and_not_for_another_plan(tmp_path: Path) -> None:
    plan = ImagePlan(train_images=8, corrupted_images=2)
    prepared.prepare("icons", image_set, plan, tmp_path / "x")

    def never() -> DataSet:
        raise AssertionError

    prepared.prepare("icons", never, plan, tmp_path / "x")
    with pytest.raises(ConfigError, match="choose another --out"):
        prepared.prepare("icons", never, plan.model_copy(update={"seed": 5}), tmp_path / "x")


@pytest.mark.usefixtures("few_cells")
def test_two_preparations_give_the_same_files(tmp_path: Path) -> None:
    plan = ImagePlan(train_images=8, corrupted_images=2)
    for name in ("x", "y"):
        prepared.prepare("icons", image_set, plan, tmp_path / name)
    first, second = (prepared.load_prepared(tmp_path / name, plan).record for name in ("x", "y"))
    assert first == second


def recipe(**changes: object) -> Recipe:
    return Recipe(images=ImagePlan(), epochs=1, **changes)  # type: ignore[arg-type]


def test_without_crops_and_flips_images_are_only_scaled() -> None:
    pixels = torch.randint(0, 256, (4, 3, 32, 32), dtype=torch.uint8)
    found = augment(pixels, recipe(least_area=1, flip=0), torch.Generator().manual_seed(0))
    torch.testing.assert_close(found, normalise(pixels), atol=1e-4, rtol=0)
    flipped = augment(pixels, recipe(least_area=1, flip=1), torch.Generator().manual_seed(0))
    torch.testing.assert_close(flipped, normalise(pixels).flip(-1), atol=1e-4, rtol=0)
    assert torch.equal(levels(found), pixels)
    assert normalise(torch.tensor([[[[0]], [[255]], [[51]]]], dtype=torch.uint8)).flatten().tolist() == pytest.approx(
        [-2, 2, -1.2]
    )


def test_a_crop_is_a_part_of_the_image_of_the_wanted_area() -> None:
    ramp = torch.linspace(0, 255, 32).round().to(torch.uint8)
    pixels = torch.stack([ramp.expand(32, 32), ramp[:, None].expand(32, 32), ramp.expand(32, 32)])[None]
    found = augment(pixels.repeat(200, 1, 1, 1), recipe(least_area=0.25, flip=0), torch.Generator().manual_seed(0))
    sides = (found[:, 0, 0, -1] - found[:, 0, 0, 0]) / 4
    assert 0.45 < sides.min() < 0.6
    assert sides.max() > 0.9
    down = (found[:, 1, -1, 0] - found[:, 1, 0, 0]) / 4
    torch.testing.assert_close(sides, down, atol=0.03, rtol=0)
