"""Training's images: the pixels that the service sees, every one measured, and folders that are refused by name."""

import io
import shutil
import tarfile

import numpy as np
import pytest
import torch
from PIL import Image
from support.pictures import good_pictures
from support.training_runs import CLASSES, settings, write_shards

from groupnl.errors import ConfigError
from groupnl.images import Limits, decode
from groupnl.training.data import eval_loader
from groupnl.training.distributed import World
from groupnl.training.images import Images, UnreadableImageError, as_served
from groupnl.training.sources import source_of
from groupnl.training.trainer import Trainer

# The readers of shards and tars leave closing their files to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")

ALONE = World(torch.device("cpu"))
# Pillow itself, without the service's parsers before it, refuses the first two and warns of the third.
_OTHERWISE = ("png-text-bomb", "png-profile-bomb", "jpeg-exif-broken")
PICTURES = [picture for picture in good_pictures() if picture.name not in _OTHERWISE]


@pytest.fixture
def own(data, tmp_path):
    """A data set that a test may change."""
    return shutil.copytree(data, tmp_path / "own")


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.name)
def test_pixels_are_those_of_the_service(picture):
    with Image.open(io.BytesIO(picture.data)) as image:
        image.load()
        mine = as_served(image)
    wanted = decode(picture.data, Limits())
    assert mine.size == wanted.size
    assert mine.tobytes() == wanted.tobytes()


@pytest.mark.parametrize("shards", [False, True])
def test_loaders_see_those_pixels(own, tmp_path, shards):
    for path in (own / "test").glob("*/*.png"):
        Image.new("RGBA", (32, 32), (0, 0, 0, 0)).save(path)
    write_shards(own, tmp_path)
    given = {"data": tmp_path, "dataset": "wds", "classes": str(tmp_path / "classes.txt")} if shards else {"data": own}
    config = settings(own, tmp_path).model_copy(update={**given, "workers": 0})
    share = source_of(config, ALONE).evaluation("test", CLASSES)
    pixels = torch.cat([images for images, _ in eval_loader(config, share.dataset, ALONE)])
    assert pixels.shape == (15, 3, 32, 32)
    assert pixels.min() > 2  # white, normalised


def test_an_empty_file_is_told_before_the_first_epoch(own, tmp_path):
    empty = own / "test" / "blue" / "2.png"
    empty.write_bytes(b"")
    with pytest.raises(ConfigError) as caught:
        Trainer(settings(own, tmp_path))
    assert str(caught.value) == f"the image {empty} is empty: mend it, or take it out"


def test_a_file_that_is_no_image_is_told_as_one(own, tmp_path):
    file = own / "test" / "blue" / "2.png"
    file.write_bytes(b"no image")
    with pytest.raises(UnreadableImageError) as caught:
        Trainer(settings(own, tmp_path)).measure()
    assert str(caught.value) == f"the image {file} cannot be read (it is empty, or no image): mend it, or take it out"


@pytest.mark.parametrize("workers", [0, 1])
def test_a_damaged_image_is_not_measured_as_another(own, tmp_path, workers, caplog):
    damaged = own / "test" / "blue" / "2.png"
    damaged.write_bytes(damaged.read_bytes()[:300])
    trainer = Trainer(settings(own, tmp_path, workers=workers))
    with pytest.raises(UnreadableImageError) as caught:
        trainer.measure()
    assert str(caught.value).startswith(f"the image {damaged} cannot be read (")
    assert str(caught.value).endswith("): mend it, or take it out")
    assert "the next one is taken" not in caplog.text


def test_training_takes_the_next_image_and_says_so(own, tmp_path, caplog):
    (own / "train" / "blue" / "2.png").write_bytes(b"no image")
    dataset = source_of(settings(own, tmp_path), ALONE).training(CLASSES)
    dataset.transform = np.array
    names = dataset.reader.filenames(absolute=True)
    place = names.index(str(own / "train" / "blue" / "2.png"))
    pixels, label = dataset[place]
    assert label == CLASSES.index("blue")
    assert np.array_equal(pixels, np.array(Image.open(names[place + 1])))
    assert f"{names[place]} cannot be read" in caplog.text


def test_so_many_damaged_images_are_told(own, tmp_path):
    for path in (own / "train").glob("*/*.png"):
        path.write_bytes(b"no image")
    dataset = source_of(settings(own, tmp_path), ALONE).training(CLASSES)
    with pytest.raises(UnreadableImageError, match=r"\d\.png cannot be read"):
        dataset[0]


def test_an_image_without_memory_is_no_damaged_one(own, tmp_path):
    class Reader:
        def __getitem__(self, index):
            raise MemoryError

        def __len__(self):
            return 3

    with pytest.raises(MemoryError):
        Images(Reader(), complete=False)[0]


@pytest.mark.slow
def test_a_damaged_shard_is_not_passed_over(data, tmp_path):
    write_shards(data, tmp_path)
    shard = tmp_path / "colours-test-2.tar"
    shard.write_bytes(shard.read_bytes()[:2000])
    shards = {"dataset": "wds", "classes": str(tmp_path / "classes.txt"), "workers": 0}
    trainer = Trainer(settings(tmp_path, tmp_path, **shards))
    with pytest.raises(ConfigError, match=r"1\d images could be read where 15 were to be measured"):
        trainer.measure()


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.slow
def test_missing_shards_are_told_at_once(data, tmp_path, split):
    write_shards(data, tmp_path)
    (tmp_path / f"colours-{split}-1.tar").unlink()
    shards = {"dataset": "wds", "classes": str(tmp_path / "classes.txt"), "workers": 0}
    with pytest.raises(ConfigError, match=rf"split {split}: 1 of 4 shards are missing, .*colours-{split}-1.tar first"):
        Trainer(settings(tmp_path, tmp_path, **shards))


def test_hidden_folders_are_no_classes(own, tmp_path):
    for folder in (own / "train" / ".ipynb_checkpoints", own / "train" / "red" / ".ipynb_checkpoints"):
        shutil.copytree(own / "train" / "blue", folder)
    trainer = Trainer(settings(own, tmp_path))
    assert trainer.classes == CLASSES
    assert len(trainer.loader.dataset) == 24


def test_images_are_the_same_files_as_elsewhere(own, tmp_path):
    """groupnl.images.folders says which; timm's reader would leave out WebP and take hidden files."""
    red = own / "train" / "red"
    Image.new("RGB", (32, 32)).save(red / "more.webp")
    (red / "._0.png").write_bytes(b"of another system")
    assert len(Trainer(settings(own, tmp_path)).loader.dataset) == 25
    Image.new("RGB", (32, 32)).save(red / "old.gif")
    with pytest.raises(ConfigError, match=r"old.gif is of a format that is not read"):
        Trainer(settings(own, tmp_path))


def test_a_folder_in_a_class_folder_is_refused(own, tmp_path):
    (own / "train" / "red" / "dark").mkdir()
    with pytest.raises(ConfigError, match=r"class folder .*red holds a folder dark: its images"):
        Trainer(settings(own, tmp_path))


def test_a_class_without_images_is_refused(own, tmp_path):
    for path in (own / "train" / "blue").iterdir():
        path.unlink()
    with pytest.raises(ConfigError, match="train has no images of class blue"):
        Trainer(settings(own, tmp_path))


def test_a_class_that_is_missing_where_accuracy_is_measured_is_told(own, tmp_path, caplog):
    shutil.rmtree(own / "test" / "blue")
    trainer = Trainer(settings(own, tmp_path))
    assert trainer.shares["test"].images == 10
    assert caplog.messages == [f"the images of {own / 'test'} are of 2 of the 3 classes: none is of blue"]
    shutil.rmtree(own / "test" / "red")
    caplog.clear()
    Trainer(settings(own, tmp_path))
    assert caplog.messages == [f"the images of {own / 'test'} are of only one of the 3 classes: none is of blue, red"]


def test_a_split_of_hidden_files_has_no_images(own, tmp_path):
    for path in (own / "test").glob("*/*"):
        path.rename(path.with_name(f".{path.name}"))
    with pytest.raises(ConfigError, match="test has no images: it must hold one folder of images for each class"):
        Trainer(settings(own, tmp_path))


def _tar(path, data, names):
    with tarfile.open(path, "w") as tar:
        for name in names:
            tar.add(data / "train" / "red" / "0.png", name)


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # timm's reader leaves it to the garbage collector
@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (["red/0.png", "red/dark/0.png"], r"class folder .*/test\.tar/red holds a folder dark: its images"),
        (["red/0.png", "0.png"], r"test\.tar holds 0\.png outside of any class folder"),
        ([".red/0.png", "red/._0.png"], r"test\.tar has no images"),
        (["red/notes.txt"], r"test\.tar has no images"),
        (["red/0.png", "pink/0.png"], r"there is a folder .*/test\.tar/pink, but the network has no such class"),
    ],
)
def test_tars_are_folders_of_classes_too(data, tmp_path, names, sentence):
    _tar(tmp_path / "train.tar", data, [f"train/{name}/{number}.png" for name in CLASSES for number in range(3)])
    _tar(tmp_path / "test.tar", data, names)
    with pytest.raises(ConfigError, match=sentence):
        Trainer(settings(tmp_path, tmp_path / "run", dataset="tar", batch_size=4))
