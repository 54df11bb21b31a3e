"""Data sets in other formats, checkpoints for other tools, and the ways to compute a step."""

import tarfile

import pytest
import timm
import torch
from support import torchrun
from support.training_runs import CLASSES, PLAIN, run_into_the_second_epoch, settings, words_of, write_shards
from timm.models import load_checkpoint as timm_load
from timm.models import resume_checkpoint
from timm.optim import create_optimizer_v2

from groupnl.errors import ConfigError
from groupnl.models import TINY, load_checkpoint
from groupnl.training.distributed import World
from groupnl.training.log import EVENTS
from groupnl.training.optimisation import Optimisation
from groupnl.training.published import FILE as LAST
from groupnl.training.sources import source_of
from groupnl.training.trainer import Trainer

# The readers of shards and tars leave closing their files to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")

CPU = torch.device("cpu")


def write_tars(data, folder):
    """train as one tar, validation as a tar a class."""
    with tarfile.open(folder / "train.tar", "w") as tar:
        tar.add(data / "train", "train")
    (folder / "validation").mkdir()
    for name in CLASSES:
        with tarfile.open(folder / "validation" / f"{name}.tar", "w") as tar:
            for path in sorted((data / "test" / name).iterdir()):
                tar.add(path, path.name)


@pytest.mark.slow
def test_tars_train_as_folders_do(data, tmp_path):
    write_tars(data, tmp_path)
    folders = Trainer(settings(data, tmp_path / "folders", epochs=2))
    tars = Trainer(settings(tmp_path, tmp_path / "tars", epochs=2, dataset="tar", eval_splits=("val",)))
    assert tars.classes == CLASSES
    for trainer in (folders, tars):
        trainer.run()
    assert [row["loss"] for row in tars.rows] == [row["loss"] for row in folders.rows]
    assert tars.measure()["val"] == folders.measure()["test"]


def add_link(tar, name):
    link = tarfile.TarInfo(name)
    link.type, link.linkname = tarfile.LNKTYPE, "train/red/0.png"
    tar.addfile(link)


def add_file(tar, name):
    tar.addfile(tarfile.TarInfo(name))


def test_tars_hold_the_images_that_folders_hold(data, tmp_path):
    """Of every kind that is read; hidden files and other files are no images."""
    write_tars(data, tmp_path)
    before = len(source_of(settings(tmp_path, tmp_path, dataset="tar"), World(CPU, 0, 1)).training(CLASSES))
    with tarfile.open(tmp_path / "train.tar", "a") as tar:
        for name in ("x.webp", "y.BMP", "z.JPEG", "._x.png", ".x/x.gif", "notes.txt"):
            add_file(tar, f"train/red/{name}")
    source = source_of(settings(tmp_path, tmp_path, dataset="tar"), World(CPU, 0, 1))
    assert source.classes() == CLASSES
    assert len(source.training(CLASSES)) == before + 3


@pytest.mark.parametrize(
    ("add", "name", "sentence"),
    [
        (add_file, "train/red/a.GIF", r"the image .*train\.tar/train/red/a\.GIF is of a format that is not read"),
        (add_link, "train/red/a.png", r"the image .*train\.tar/train/red/a\.png is a link: pack files only"),
        (add_file, "train/a.png", r"train\.tar/train holds a folder|holds a\.png outside of any class folder"),
        (add_file, "train/red/deep/a.png", r"train/red holds a folder deep"),
    ],
)
def test_members_of_tars_that_would_be_passed_over_are_refused(data, tmp_path, add, name, sentence):
    write_tars(data, tmp_path)
    with tarfile.open(tmp_path / "train.tar", "a") as tar:
        add(tar, name)
    with pytest.raises(ConfigError, match=sentence):
        source_of(settings(tmp_path, tmp_path, dataset="tar"), World(CPU, 0, 1)).classes()


def test_folders_of_tars_hold_nothing_else(data, tmp_path):
    write_tars(data, tmp_path)
    place, config = tmp_path / "validation", settings(tmp_path, tmp_path, dataset="tar", train_split="validation")
    source = source_of(config, World(CPU, 0, 1))
    with tarfile.open(place / "green2.tar", "w"):
        pass
    assert source.classes() == tuple(sorted({*CLASSES, "green2"}))
    with pytest.raises(ConfigError, match=r"validation has no images of class green2: fill its folder, or remove it"):
        source.training(source.classes())
    (place / "green2.tar").rename(place / "green2.TAR")
    with pytest.raises(ConfigError, match=r"the ending of .*green2\.TAR would not be found: call it green2\.tar"):
        source.classes()
    (place / "green2.TAR").write_bytes(b"")
    (place / "green2.TAR").rename(place / "green2.tar")
    with pytest.raises(ConfigError, match=r"validation/green2\.tar cannot be used"):
        source.classes()
    (place / "green2.tar").unlink()
    (place / "a folder").mkdir()
    with pytest.raises(ConfigError, match=r"validation holds the folder a folder beside tars"):
        source.classes()
    (place / "a folder").rmdir()
    (place / "a.png").touch()
    with pytest.raises(ConfigError, match=r"validation holds a\.png outside of any class folder"):
        source.classes()


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.slow
def test_shards_train_and_go_on_exactly(data, tmp_path, workers):
    write_shards(data, tmp_path)
    shards = {"dataset": "wds", "classes": str(tmp_path / "classes.txt")}
    whole, stopped = (settings(tmp_path, tmp_path / name, workers=workers, **shards) for name in ("whole", "stopped"))
    trainer = Trainer(whole)
    trainer.run()
    assert trainer.measure()["test"].images == 15
    assert len(trainer.loader) == 4
    assert len({row["loss"] for row in trainer.rows}) == 3
    run_into_the_second_epoch(Trainer(stopped))
    resumed = Trainer(stopped)
    assert resumed.epoch == 1
    resumed.run()
    assert [row["loss"] for row in resumed.rows] == [row["loss"] for row in trainer.rows]


@pytest.mark.slow
def test_two_processes_share_the_shards(data, tmp_path):
    """And read them themselves, whatever the workers: processes must not be forked beside gloo's threads."""
    write_shards(data, tmp_path)
    config = settings(tmp_path, tmp_path, dataset="wds", classes=str(tmp_path / "classes.txt"), epochs=1, workers=8)
    torchrun.finish(torchrun.start("train", *words_of(config)))
    assert load_checkpoint(config.checkpoint).card.training.accuracy["test"].images == 15


def test_shards_may_be_a_pattern(data, tmp_path):
    write_shards(data, tmp_path)
    (tmp_path / "_info.json").write_text("{}")
    patterns = {"train_split": "colours-train-{0..3}.tar|24", "eval_splits": "colours-test-{0,1,2,3}.tar|15"}
    config = settings(tmp_path, tmp_path, dataset="wds", classes=str(tmp_path / "classes.txt"), epochs=1, **patterns)
    trainer = Trainer(config)
    trainer.run()
    assert [found.images for found in trainer.measure().values()] == [15]


@pytest.mark.parametrize("size", [1, 2, 3])
def test_shares_of_shards_hold_every_image_once(data, tmp_path, size):
    write_shards(data, tmp_path)
    config = settings(tmp_path, tmp_path, dataset="wds", classes=str(tmp_path / "classes.txt"))
    shares = [source_of(config, World(CPU, rank, size)).evaluation("test", CLASSES) for rank in range(size)]
    with pytest.raises(ConfigError, match="split test has 4 shards, fewer than the 5 processes"):
        source_of(config, World(CPU, 0, 5)).evaluation("test", CLASSES)
    labels = [label for share in shares for _, label in share.dataset]
    assert sorted(labels) == [0] * 5 + [1] * 5 + [2] * 5


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"dataset": "wds"}, "needs --classes"),
        ({"dataset": "wds", "classes": "names", "workers": 5}, "--workers 5 of 1 processes cannot share the 4 shards"),
        ({"dataset": "wds", "classes": "names", "train_split": "night"}, "split night of"),
        ({"dataset": "wds", "classes": "names", "eval_splits": ("colours-test-{0..3}.tar",)}, "how many images"),
        ({"dataset": "tar", "train_split": "night"}, r"neither .*night.tar nor a folder"),
        ({"dataset": "tar", "train_split": "empty"}, r"empty.tar cannot be used"),
    ],
)
def test_data_that_cannot_be_read_is_told(data, tmp_path, changes, sentence):
    write_shards(data, tmp_path)
    (tmp_path / "empty.tar").write_bytes(b"no tar")
    if "classes" in changes:
        changes = changes | {"classes": str(tmp_path / "classes.txt")}
    with pytest.raises(ConfigError, match=sentence):
        Trainer(settings(tmp_path, tmp_path, **changes))


def test_published_checkpoint_is_read_by_us_and_by_timm(data, tmp_path):
    trainer = Trainer(settings(data, tmp_path, epochs=2, pth_tar=True))
    trainer.run()
    path = trainer.config.run_folder / LAST
    loaded = load_checkpoint(path)
    assert loaded.architecture == TINY.name
    assert loaded.card == trainer.card()
    assert all(torch.equal(loaded.state_dict[name], weight) for name, weight in trainer.weights().items())
    plain = load_checkpoint(path, ema=False).state_dict
    assert all(torch.equal(plain[name], weight) for name, weight in trainer.network.state_dict().items())
    network = timm.create_model(TINY.name, num_classes=3)
    assert str(timm_load(network, str(path))) == "<All keys matched successfully>"
    optimiser = create_optimizer_v2(network, "adamw", 1e-3, 0.05)
    assert resume_checkpoint(network, str(path), optimiser, log_info=False) == 2
    assert optimiser.state_dict()["state"][0]["step"] == 8


def test_log_as_tensorboard_events(data, tmp_path):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    for epochs in (1, 2):
        trainer = Trainer(settings(data, tmp_path, epochs=epochs, tensorboard=True), restart=epochs == 2)
        trainer.run()
    Trainer(trainer.config).run()  # nothing is left to train: the log is written again
    events = accumulator.EventAccumulator(str(trainer.config.run_folder / EVENTS))
    events.Reload()
    assert set(events.Tags()["scalars"]) == {"loss", "test", "lr", "seconds"}
    found = [(event.step, pytest.approx(event.value)) for event in events.Scalars("loss")]
    assert [(int(row["epoch"]), float(row["loss"])) for row in trainer.rows] == found


@pytest.mark.parametrize("clip_grad", [None, 0.1])
def test_scaled_gradients_step_like_plain_ones(data, tmp_path, clip_grad):
    """What float16 needs, computed in float32: a power of two changes no digit."""
    config, stepped = settings(data, tmp_path, opt="sgd", lr=0.1, clip_grad=clip_grad), []
    for enabled in (False, True):
        torch.manual_seed(0)
        network = torch.nn.Linear(3, 2)
        steps = Optimisation(config, network, torch.amp.GradScaler("cpu", init_scale=2.0**10, enabled=enabled))
        for _ in range(3):
            steps.step(network(torch.ones(4, 3)).square().sum())
        stepped.append(network.weight.detach())
    torch.testing.assert_close(stepped[1], stepped[0], rtol=1e-6, atol=0)


def test_gradient_that_overflows_is_skipped_and_the_scale_kept(data, tmp_path):
    network = torch.nn.Linear(3, 2)
    before = network.weight.detach().clone()
    config = settings(data, tmp_path)
    steps = Optimisation(config, network, torch.amp.GradScaler("cpu", init_scale=2.0**10))
    steps.step(network(torch.full((4, 3), 1e38)).sum())
    assert torch.equal(network.weight, before)
    again = Optimisation(config, torch.nn.Linear(3, 2), torch.amp.GradScaler("cpu"))
    again.scaler.load_state_dict(steps.parts()["scaler"].state_dict())
    assert again.scaler.get_scale() == 2.0**9


def test_checkpointed_gradients_are_the_same(data, tmp_path):
    losses = []
    for checkpointing in (False, True):
        config = settings(data, tmp_path / str(checkpointing), grad_checkpointing=checkpointing, epochs=1, **PLAIN)
        trainer = Trainer(config)
        assert trainer.network.grad_checkpointing is checkpointing
        losses.append(trainer._epoch())
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)


def test_diverging_run_stops(data, tmp_path):
    with pytest.raises(ConfigError, match=r"the loss became .* in epoch 1: try a lower --lr"):
        Trainer(settings(data, tmp_path, opt="sgd", lr=1e30)).run()
