"""The published recipes say what was published, and options override them."""

import argparse

import pytest
from support.training_runs import settings, words_of
from torch.distributed.run import get_args_parser as torchrun_parser

from groupnl import cli
from groupnl.base.options import read_options
from groupnl.errors import ConfigError, OptionError
from groupnl.models import TINY, VARIANTS, load_checkpoint
from groupnl.training.command import add_arguments
from groupnl.training.config import TrainConfig
from groupnl.training.options import Options, parse
from groupnl.training.recipes import read_recipe, recipe_file, recipe_names
from groupnl.training.trainer import Trainer

ALL = {"batch_size": 128, "mixup": 0.8, "cutmix": 1.0, "smoothing": 0.1, "warmup_epochs": 5, "color_jitter": 0.4}
ALL |= {"seed": 42, "size": 224, "precision": "amp"}
MOBILE = {"sched": "step", "decay_epochs": 2.4, "opt": "rmsproptf", "opt_eps": 1e-3, "lr": 0.064, "weight_decay": 1e-5}
MOBILE |= {"warmup_lr": 1e-6, "drop": 0.2, "drop_path": 0.2, "aa": "rand-m9-mstd0.5", "reprob": 0.2, "remode": "pixel"}
MOBILE |= {"workers": 8}
LATER = MOBILE | {"epochs": 450, "decay_rate": 0.97, "ema_decay": 0.0, "lr_noise": None}
RECIPES = {
    "gnl_resnet101": {"epochs": 300, "opt": "adamw", "lr": 1e-3, "weight_decay": 0.05, "sched": "cosine"}
    | {"drop_path": 0.1, "drop": 0.0, "ema_decay": 0.0},
    "mobilenetv3_gnl_large_100": MOBILE
    | {"epochs": 600, "decay_rate": 0.973, "ema_decay": 0.9999, "ema_warmup": False, "lr_noise": (0.42, 0.9)},
    "mobilenetv2_gnl_100": LATER,
    "efficientnet_gnl_lite0": LATER | {"ema_decay": 0.9999, "ema_warmup": False},
    "efficientnetv2_gnl_s": LATER,
    "efficientnet_gnl_es": LATER,
}


def config_of(tmp_path, *words: str) -> TrainConfig:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parse(read_options(Options, parser.parse_args(["--data", str(tmp_path), *words])))


def test_each_has_a_recipe():
    assert set(recipe_names()) == set(RECIPES) < set(VARIANTS)


@pytest.mark.parametrize("name", RECIPES)
def test_recipe_is_the_published_one(name, tmp_path):
    config = config_of(tmp_path, "--recipe", name)
    wanted = ALL | RECIPES[name] | {"model": name, "train_split": "train", "eval_splits": ("val",)}
    assert {field: getattr(config, field) for field in wanted} == wanted
    assert str(config.checkpoint) == f"runs/{name}/{name}.safetensors"


def test_options_override_a_recipe(tmp_path):
    words = "--recipe gnl_resnet101 --model resnet101 --epochs 7 --lr-noise 0.1,0.2 --tensorboard"
    config = config_of(tmp_path, *words.split())
    assert (config.model, config.epochs, config.lr_noise, config.tensorboard) == ("resnet101", 7, (0.1, 0.2), True)
    assert str(config.run_folder) == "runs/resnet101"
    assert config.drop_path == 0.1


def test_none_takes_a_setting_away(tmp_path):
    config = config_of(tmp_path, *["--recipe", "mobilenetv3_gnl_large_100", "--aa", "none", "--lr-noise", "none"])
    assert (config.aa, config.lr_noise) == (None, None)


def test_recipe_may_be_a_file(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(recipe_file("gnl_resnet101").read_text().replace("epochs: 300", "epochs: 3", 1))
    assert config_of(tmp_path, "--recipe", str(path)).epochs == 3


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("epoch: 3", "'epoch' is no setting; did you mean epochs"),
        ("zzz: 3", "'zzz' is no setting; `groupnl train --help` lists them"),
        ("model: resnet50\nepochs: true", r"--epochs True \(of the recipe .*: it must be a whole number"),
        ("model: resnet50\nepochs: '3'", r"--epochs '3' \(of the recipe .*: it must be a whole number"),
        ("model: resnet50\nlr_noise: [true, 1]", r"--lr-noise True \(of the recipe .*: it must be a number"),
        ("model: resnet50\nlr: .inf", r"--lr inf \(of the recipe .*: it must be a finite number"),
        ("epochs: 3\nlr: 1\nepochs: 4", "mine.yaml, line 3: epochs stands in line 1 already; remove one"),
        ("model: resnet50\nlr: fast", r"--lr 'fast' \(of the recipe"),
        ("lr: 1", "--model is missing"),
        ("- lr", "must be a mapping"),
    ],
)
def test_unusable_recipes_are_told(tmp_path, content, sentence):
    path = tmp_path / "mine.yaml"
    path.write_text(content)
    with pytest.raises(ConfigError, match=sentence):
        config_of(tmp_path, "--recipe", str(path))


def test_unknown_recipe_names_the_published_ones(tmp_path):
    with pytest.raises(OptionError, match=r"^'x' is no published recipe and no file; the published ones are eff"):
        config_of(tmp_path, "--recipe", "x")


@pytest.mark.parametrize("command", ["recipes", "train --recipe"])
def test_a_recipe_that_is_mistyped_is_told_with_the_nearest(command, capsys):
    assert cli.main([*command.split(), "gnl_resnet10"]) == 2
    said = "'gnl_resnet10' is no published recipe and no file; did you mean gnl_resnet101?"
    assert capsys.readouterr().err == f"groupnl {command.split()[0]}: {said}\n"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("--epochs 1_0", "--epochs '1_0': it must be a whole number"),
        ("--epochs ٣", "--epochs '٣': it must be a whole number"),
        ("--threads 99999999999999999999", "--threads 99999999999999999999: it is too large a number"),
        ("--lr nan", "--lr 'nan': it must be a number"),
        ("--clip-grad inf", "--clip-grad 'inf': it must be a number"),
        ("--lr-noise 0.1,nan", "--lr-noise '0.1,nan': 'nan': it must be a number"),
    ],
)
def test_numbers_are_plain_ones(words, sentence, tmp_path):
    with pytest.raises(OptionError) as caught:
        config_of(tmp_path, "--model", "resnet50", *words.split())
    assert str(caught.value) == sentence


def test_numbers_of_options_and_recipes(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("model: resnet50\nlr: 1\nweight_decay: 1e-4\nlr_noise: [0, 1]\neval_splits: [val]\n")
    config = config_of(tmp_path, "--recipe", str(path), "--opt-eps", "1e-3", "--threads", "2", "--clip-grad", "none")
    assert (config.lr, config.weight_decay, config.lr_noise, config.eval_splits) == (1.0, 1e-4, (0.0, 1.0), ("val",))
    assert (config.opt_eps, config.threads, config.clip_grad) == (1e-3, 2, None)


def test_recipes_are_listed_and_shown(capsys):
    assert cli.main(["recipes"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["recipe", *recipe_names()]
    assert cli.main(["recipes", "gnl_resnet101"]) == 0
    assert capsys.readouterr().out == recipe_file("gnl_resnet101").read_text()


def test_step_schedule_decays_by_fractions_of_epochs_and_is_noisy_where_it_was(data, tmp_path):
    """Of mobilenetv3_gnl_large_100: five epochs of warm-up, 0.064 * 0.973^(epoch // 2.4), noise from 42 to 90 %."""
    recipe = read_recipe("mobilenetv3_gnl_large_100")
    shared = {name: recipe[name] for name in ("sched", "decay_epochs", "decay_rate", "lr", "warmup_lr", "lr_noise")}
    steps = Trainer(settings(data, tmp_path, **shared, warmup_epochs=5, epochs=20)).optimisation
    rates = []
    for epoch in range(20):
        rates.append(steps.lr)
        steps.end_epoch(epoch + 1)
    assert rates[:2] == pytest.approx([1e-6, 1e-6 + (0.064 - 1e-6) / 5])
    smooth = [0.064 * 0.973 ** (epoch // 2.4) for epoch in range(20)]
    assert rates[5:9] == pytest.approx(smooth[5:9])
    noisy = [abs(rate / wanted - 1) for rate, wanted in zip(rates[9:18], smooth[9:18], strict=True)]
    assert all(1e-4 < share < 0.67 for share in noisy)
    assert rates[18:] == pytest.approx(smooth[18:])


def test_recipe_trains(data, tmp_path):
    config = settings(data, tmp_path)
    small = {"epochs": 1, "size": 32, "batch_size": 6, "workers": 1, "model": TINY.name, "eval_splits": "test"}
    changes = [word for name, value in small.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    recipe = ["--recipe", "mobilenetv3_gnl_large_100", "--device", "cpu", "--threads", "1"]
    places = ["--data", str(data), "--output", str(config.output), "--run", str(config.run)]
    assert cli.main(["train", *recipe, *changes, *places]) == 0
    assert load_checkpoint(config.output).architecture == TINY.name


@pytest.mark.parametrize("name", sorted({*TrainConfig.model_fields, "run_folder"} - {"run"}))
def test_torchrun_leaves_our_options_to_us(name):
    words = ["-m", "groupnl.cli", "train", f"--{name.replace('_', '-')}", "value"]
    assert torchrun_parser().parse_args(words).training_script_args == words[2:]


def test_words_say_the_settings(data, tmp_path):
    config = settings(data, tmp_path, tensorboard=True, ema_warmup=False, lr_noise=(0.1, 0.9))
    assert config_of(data, *words_of(config)) == config
