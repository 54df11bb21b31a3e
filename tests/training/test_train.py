"""A whole small run: what comes out, and that a stopped run goes on exactly."""

import shutil

import pytest
import torch
from support.training_runs import CLASSES, run_into_the_second_epoch, settings

from groupnl import cli
from groupnl.base.files import sha256_of
from groupnl.card.page import page
from groupnl.errors import ConfigError
from groupnl.models import TINY, build_model, load_checkpoint
from groupnl.training.curves_command import read_log
from groupnl.training.distributed import World
from groupnl.training.log import FILE as LOG
from groupnl.training.published import FILE as PUBLISHED
from groupnl.training.state import FILE as STATE
from groupnl.training.trainer import Trainer


@pytest.mark.slow
def test_command_writes_a_checkpoint_that_serves(data, tmp_path, capsys):
    output = tmp_path / "tiny.safetensors"
    words = f"train --data {data} --model {TINY.name} --output {output} --run {tmp_path / 'run'} --eval-splits test"
    options = "--epochs 12 --batch-size 6 --size 32 --lr 0.01 --color-jitter 0 --scale-min 0.9 --threads 1"
    assert cli.main([*words.split(), *options.split()]) == 0
    loaded = load_checkpoint(output)
    assert loaded.card.classes == CLASSES
    assert loaded.card.training.accuracy["test"].images == 15
    assert loaded.card.training.accuracy["test"].top1 >= 0.6
    build_model(loaded.card.architecture, len(CLASSES), loaded.state_dict)
    stored_page = output.with_suffix(".md").read_text(encoding="utf-8")
    assert stored_page == page(loaded.card, output.name, sha256_of(output))
    rows = (tmp_path / "run" / "metrics.csv").read_text().splitlines()
    assert rows[0] == "epoch,loss,test,lr,seconds"
    assert len(rows) == 13
    log = output.with_suffix(".csv")
    for picture in (tmp_path / "curves.svg", tmp_path / "again.svg"):
        assert cli.main(["curves", str(log), "--output", str(picture)]) == 0
    assert (tmp_path / "curves.svg").read_bytes() == (tmp_path / "again.svg").read_bytes()
    assert "<svg" in (tmp_path / "curves.svg").read_text()


@pytest.mark.parametrize("content", ["", "a,b\n1,2\n", "epoch,loss\n1,much\n"])
def test_other_files_are_no_curves(tmp_path, capsys, content):
    (tmp_path / "log.csv").write_text(content)
    assert cli.main(["curves", str(tmp_path / "log.csv"), "--output", str(tmp_path / "x.svg")]) == 1
    assert "log.csv" in capsys.readouterr().err


@pytest.mark.parametrize("workers", [0, 1])
def test_stopped_run_goes_on_as_if_unbroken(data, tmp_path, workers):
    whole = Trainer(settings(data, tmp_path / "whole", workers=workers))
    whole.run()
    stopped = Trainer(settings(data, tmp_path / "stopped", workers=workers))
    run_into_the_second_epoch(stopped)
    resumed = Trainer(settings(data, tmp_path / "stopped", workers=workers))
    assert resumed.epoch == 1
    resumed.run()
    assert all(torch.equal(whole.weights()[key], tensor) for key, tensor in resumed.weights().items())
    logs = [read_log(trainer.config.run_folder / LOG) for trainer in (whole, resumed)]
    assert [log | {"seconds": None} for log in logs] == [logs[0] | {"seconds": None}] * 2


def test_log_is_whole_after_a_kill_between_state_and_log(data, tmp_path):
    Trainer(settings(data, tmp_path, epochs=2)).run()
    log = tmp_path / "run" / LOG
    whole = log.read_text()
    log.unlink()
    Trainer(settings(data, tmp_path, epochs=2)).run()
    assert log.read_text() == whole


def test_whatever_comes_from_the_state_is_there_after_a_kill_behind_it(data, tmp_path):
    config = settings(data, tmp_path, epochs=2, pth_tar=True)
    Trainer(config).run()
    (config.run_folder / PUBLISHED).unlink()
    Trainer(config).run()
    assert torch.load(config.run_folder / PUBLISHED, weights_only=False)["epoch"] == 1


def test_a_state_of_other_data_is_refused(data, tmp_path):
    Trainer(settings(data, tmp_path, epochs=1)).run()
    changed = tmp_path / "changed"
    shutil.copytree(data, changed)
    for split in ("train", "test"):
        (changed / split / "red").rename(changed / split / "ruby")
    state = tmp_path / "run" / STATE
    content = torch.load(state)
    content["config"] = settings(changed, tmp_path, epochs=1).model_dump_json()
    torch.save(content, state)
    with pytest.raises(ConfigError, match=r"the classes were others \(then red more, now ruby more\)"):
        Trainer(settings(changed, tmp_path, epochs=1))
    del content["circumstances"]  # as before they were kept
    torch.save(content, state)
    with pytest.raises(ConfigError, match="the number of processes was None, is 1"):
        Trainer(settings(changed, tmp_path, epochs=1))


def test_a_restart_that_is_killed_leaves_no_older_state(data, tmp_path):
    Trainer(settings(data, tmp_path, epochs=1)).run()
    restarted = Trainer(settings(data, tmp_path, epochs=1), restart=True)
    restarted._epoch = lambda: (_ for _ in ()).throw(KeyboardInterrupt)
    with pytest.raises(KeyboardInterrupt):
        restarted.run()
    assert Trainer(settings(data, tmp_path, epochs=1)).epoch == 0


def test_scattered_states_are_refused(data, tmp_path):
    class Apart(World):
        def each(self, value):
            return [value, 3]

    with pytest.raises(ConfigError, match=r"after different epochs \(0, 3\): .* one folder that all of them see"):
        Trainer(settings(data, tmp_path), world=Apart(torch.device("cpu")))


@pytest.mark.slow
def test_networks_without_stochastic_depth_train_as_long_as_none_is_wanted(data, tmp_path):
    assert Trainer(settings(data, tmp_path, model="vgg11", drop=0.1)).network.head.drop.p == 0.1
    with pytest.raises(ConfigError, match=r"--model vgg11 with --drop 0\.0 and --drop-path 0\.2 cannot be used"):
        Trainer(settings(data, tmp_path, model="vgg11", drop=0.0, drop_path=0.2))


def test_restart_forgets_the_state(data, tmp_path):
    Trainer(settings(data, tmp_path, epochs=1)).run()
    (tmp_path / "run" / "notes.txt").write_text("mine")
    trainer = Trainer(settings(data, tmp_path, epochs=1, lr=0.1), restart=True)
    assert trainer.epoch == 0
    trainer.run()
    assert len((tmp_path / "run" / LOG).read_text().splitlines()) == 2
    assert (tmp_path / "run" / "notes.txt").read_text() == "mine"


def test_run_with_other_settings_is_not_mixed_in(data, tmp_path):
    Trainer(settings(data, tmp_path, epochs=1)).run()
    with pytest.raises(ConfigError, match=r"--lr was 0\.002, is 0\.1.*--restart"):
        Trainer(settings(data, tmp_path, epochs=1, lr=0.1))


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        ("--data /nowhere", "/nowhere/train does not exist: name a folder"),
        ("--epochs none", "--epochs 'none'"),
        ("--model resnet_50", "'resnet_50' is unknown to timm; did you mean"),
        ("--output weights.pt", "must end in .safetensors"),
        ("--model test_vit3 --size 32", "test_vit3 does not take images of 32 pixels; --size 160 is"),
        ("--opt fastest", "--opt fastest cannot be used"),
        ("--sched up", "--sched up cannot be used"),
        ("--sched plateau", "--sched plateau cannot be used: choose"),
        ("--precision float16 --device cpu", "'float16' needs a CUDA device"),
        ("--aa wild", "--aa wild cannot be used"),
        ("--batch-size 64", "has 24 images, fewer than one batch of 64"),
        ("--batch-size 1", "--batch-size 1: "),
        ("--lr-noise 0.42", "--lr-noise '0.42': "),
        ("--lr-noise 0.9,0.42", "the first must not be above the second"),
        ("--seed 5000000000", "--seed 5000000000: "),
        ("--eval-splits test,night", "night does not exist"),
        ("--device cuda", "no CUDA device" if not torch.cuda.is_available() else ""),
    ],
)
def test_bad_options_are_refused_by_name(data, tmp_path, capsys, option, sentence):
    words = ["--data", data, "--model", TINY.name, "--output", tmp_path / "t.safetensors", "--run", tmp_path / "run"]
    words += ["--batch-size", "6"]
    if not sentence:
        pytest.skip("this machine has CUDA")
    assert cli.main(["train", *map(str, words), "--eval-splits", "test", *option.split()]) in {1, 2}
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        ("--model resnet_50", "--model 'resnet_50' is unknown to timm; did you mean resnet50"),
        ("--opt adamx", "--opt adamx cannot be used: Optimizer adamx not found in registry; did you mean"),
        ("--sched cosin", "--sched cosin cannot be used: Unknown scheduler 'cosin'.; did you mean cosine?"),
        ("--sched none", "--sched none cannot be used: choose one of cosine, tanh"),
        ("--aa foo", "--aa foo cannot be used: Unknown AA policy foo"),
        ("--output weights.pt", "--output weights.pt must end in .safetensors"),
    ],
)
def test_mistyped_names_are_told_before_the_data_are_looked_for(tmp_path, capsys, option, sentence):
    words = ["--data", tmp_path / "nowhere", "--model", TINY.name, "--output", tmp_path / "out" / "t.safetensors"]
    assert cli.main(["train", *map(str, words), *option.split()]) == 2
    assert capsys.readouterr().err.startswith(f"groupnl train: {sentence}")
    assert not (tmp_path / "out").exists()


def test_split_with_an_unknown_class_is_refused(data, tmp_path):
    with pytest.raises(ConfigError, match=r"there is a folder .*/test/red, but the network has no such class"):
        Trainer(settings(without_red(data, tmp_path), tmp_path, epochs=1))


def test_one_class_alone_is_refused(data, tmp_path):
    (tmp_path / "one" / "train").mkdir(parents=True)
    (tmp_path / "one" / "train" / "blue").symlink_to(data / "train" / "blue")
    with pytest.raises(ConfigError, match=r"there is only the class blue: a network needs two or more to tell apart"):
        Trainer(settings(tmp_path / "one", tmp_path))


def without_red(data, tmp_path):
    folder = tmp_path / "less"
    folder.mkdir()
    (folder / "train").mkdir()
    for name in ("amber", "blue"):
        (folder / "train" / name).symlink_to(data / "train" / name)
    (folder / "test").symlink_to(data / "test")
    return folder
