"""Views of training images: which are augmented, erased and compared, what is refused, and that stopped runs go on."""

import math

import pytest
import torch
from support.begun import checkpoint
from support.training_runs import CLASSES, PLAIN, run_into_the_second_epoch, settings, write_shards

from groupnl import cli
from groupnl.card.page import page
from groupnl.errors import ConfigError
from groupnl.models import TINY, load_checkpoint
from groupnl.training.recipes import read_recipe
from groupnl.training.robust import NAMES
from groupnl.training.trainer import Trainer
from groupnl.training.views import said

VIEWS = {"robust": "augmix", "jsd": 12.0, "mixup": 0.0}


def first_batch(data, folder, **changes):
    trainer = Trainer(settings(data, folder, workers=0, **(PLAIN | changes)))
    torch.manual_seed(0)
    return next(iter(trainer.loader))


@pytest.mark.parametrize("way", [{"robust": name} for name in NAMES] + [{"aa": "augmix-m5"}], ids=str)
def test_the_first_views_are_plain_and_the_others_augmented(data, tmp_path, way):
    plain, classes = first_batch(data, tmp_path)
    images, repeated = first_batch(data, tmp_path, jsd=12.0, **way)
    assert images.shape == (18, 3, 32, 32)
    assert torch.equal(repeated, classes.repeat(3))
    clean, *augmented = images.chunk(3)
    assert torch.equal(clean, plain)
    for views in augmented:
        assert not torch.equal(views, plain)
    assert not torch.equal(*augmented)


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # timm's reader leaves it to the garbage collector
def test_images_of_shards_have_views_too(data, tmp_path):
    write_shards(data, tmp_path)
    shards = {"dataset": "wds", "classes": str(tmp_path / "classes.txt")}
    images, classes = first_batch(tmp_path, tmp_path, jsd=12.0, robust="noise", **shards)
    assert images.shape == (18, 3, 32, 32)
    assert torch.equal(classes, classes[:6].repeat(3))
    assert not torch.equal(images[:6], images[6:12])


def test_the_first_views_are_not_erased(data, tmp_path):
    plain, _ = first_batch(data, tmp_path)
    images, _ = first_batch(data, tmp_path, **VIEWS, reprob=1.0, remode="const")
    clean, *augmented = images.chunk(3)
    assert torch.equal(clean, plain)
    black = (torch.cat(augmented) == 0).all(1).flatten(1).float().mean(1)
    assert black.min() > 0.015  # timm erases 2 % of an image at least


def test_without_the_loss_there_is_one_view_which_is_augmented(data, tmp_path):
    plain, classes = first_batch(data, tmp_path)
    images, same = first_batch(data, tmp_path, robust="augmix")
    assert torch.equal(same, classes)
    assert images.shape == plain.shape
    assert not torch.equal(images, plain)


def test_the_way_takes_the_place_of_the_colour_jitter(data, tmp_path):
    shown = [
        str(Trainer(settings(data, tmp_path, robust=robust)).loader.dataset.transform) for robust in (None, "noise")
    ]
    assert ["ColorJitter" in text for text in shown] == [True, False]


def test_augmented_images_can_be_mixed(data, tmp_path):
    images, shares = first_batch(data, tmp_path, robust="noise", mixup=0.8)
    assert images.shape == (6, 3, 32, 32)
    assert shares.shape == (6, 3)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"robust": "prime", "jsd": 12.0},
            "--jsd 12 compares views of one image, but --mixup 0.2 and --cutmix 0 mix two",
        ),
        ({"jsd": 1.5, "mixup": 0.0}, "--jsd 1.5 compares an image with augmented views of it: say how"),
        ({"robust": "augmix", "aa": "augmix-m3"}, "--robust augmix and --aa augmix-m3 are the same twice"),
    ],
)
def test_what_does_not_go_together_is_refused(data, tmp_path, changes, sentence):
    with pytest.raises(ConfigError, match=sentence):
        Trainer(settings(data, tmp_path, **changes))


@pytest.mark.parametrize(("words", "sentence"), [("--robust blur", "--robust 'blur': "), ("--jsd -1", "--jsd -1")])
def test_options_that_are_none_are_refused(data, tmp_path, capsys, words, sentence):
    given = ["--data", str(data), "--model", TINY.name, "--output", str(tmp_path / "t.safetensors")]
    assert cli.main(["train", *given, *words.split()]) == 2
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize(("name", "jsd"), [("augmix", 12.0), ("prime", 0.0), ("noise", 12.0), ("pixmix", 0.0)])
def test_each_way_trains(data, tmp_path, name, jsd):
    trainer = Trainer(settings(data, tmp_path, epochs=2, workers=0, mixup=0.0, robust=name, jsd=jsd))
    trainer.run()
    assert all(math.isfinite(float(row["loss"])) for row in trainer.rows)
    assert all(torch.isfinite(tensor).all() for tensor in trainer.weights().values())


def test_a_stopped_run_goes_on_as_if_unbroken(data, tmp_path):
    given = {"robust": "pixmix", "jsd": 12.0, "mixup": 0.0, "epochs": 2, "reprob": 0.5, "workers": 1}
    whole = Trainer(settings(data, tmp_path / "whole", **given))
    whole.run()
    run_into_the_second_epoch(Trainer(settings(data, tmp_path / "stopped", **given)))
    resumed = Trainer(settings(data, tmp_path / "stopped", **given))
    assert resumed.epoch == 1
    resumed.run()
    assert all(torch.equal(whole.weights()[key], tensor) for key, tensor in resumed.weights().items())
    with pytest.raises(ConfigError, match=r"--jsd was 12\.0, is 1\.0"):
        Trainer(settings(data, tmp_path / "stopped", **(given | {"jsd": 1.0})))


def test_a_teacher_sees_all_views(data, tmp_path):
    path, _ = checkpoint(tmp_path, TINY.twin)
    trainer = Trainer(settings(data, tmp_path, teacher=path, feature_weight=1.0, workers=0, epochs=1, **VIEWS))
    seen = []
    trainer.teacher.network.register_forward_pre_hook(lambda _network, inputs: seen.append(len(inputs[0])))
    trainer.run()
    assert set(seen) == {18}
    assert math.isfinite(float(trainer.rows[0]["loss"]))


def test_recipes_may_say_it_and_options_take_it_away(data, tmp_path):
    recipe = tmp_path / "mine.yaml"
    recipe.write_text("robust: pixmix\njsd: 6.0\n")
    assert read_recipe(str(recipe)) == {"robust": "pixmix", "jsd": 6.0}
    config = settings(data, tmp_path, **read_recipe(str(recipe)))
    assert said(config) == (
        "Made robust with PixMix (Hendrycks et al., CVPR 2022) with made pictures and the Jensen-Shannon loss of 3 "
        "views, weight 6."
    )
    assert said(config.model_copy(update={"robust": None, "jsd": 0.0})) is None


def test_the_card_says_what_was_trained_on(data, tmp_path, capsys):
    output = tmp_path / "tiny.safetensors"
    words = f"train --data {data} --model {TINY.name} --output {output} --run {tmp_path / 'run'} --eval-splits test"
    options = "--epochs 1 --batch-size 6 --size 32 --threads 1 --workers 0 --robust noise --jsd 12"
    assert cli.main([*words.split(), *options.split()]) == 0
    printed = capsys.readouterr().err
    assert "6 images a step, 3 views of each" in printed
    card = load_checkpoint(output).card
    assert card.classes == CLASSES
    assert card.training.robust == (
        "Made robust with noise training (Rusak et al., ECCV 2020) and the Jensen-Shannon loss of 3 views, weight 12. "
        "gaussian_noise and speckle_noise are corruptions of the validation: its figures about them are of what was "
        "trained on."
    )
    assert card.training.robust in printed
    assert card.training.robust in page(card, output.name, "")
