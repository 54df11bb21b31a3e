"""groupnl.training.initial: what a checkpoint has in common with a network is copied, the rest is new and told."""

import pytest
import timm
import torch
from support.begun import INPUT, checkpoint
from support.training_runs import CLASSES, settings
from timm.layers import SpaceToDepth

from groupnl import cli
from groupnl.card import TrainingRecord
from groupnl.errors import ConfigError
from groupnl.models import TINY, load_checkpoint, save_checkpoint
from groupnl.training.initial import _for_colours, copy_weights, open_related
from groupnl.training.trainer import Trainer


def begun(data, folder, path, **changes):
    return Trainer(settings(data, folder, initial_checkpoint=path, workers=0, ema_decay=0.0, **changes))


def new_names(trainer, weights):
    own = trainer.weights()
    return {name for name in own if name not in weights or not torch.equal(own[name], weights[name])}


def test_the_same_network_begins_with_all_weights_and_their_normalisation(data, tmp_path):
    path, weights = checkpoint(tmp_path, TINY.name)
    trainer = begun(data, tmp_path, path)
    assert new_names(trainer, weights) == set()
    assert (trainer.card().input.mean, trainer.card().input.std) == (INPUT.mean, INPUT.std)
    (origin,) = trainer.origins
    assert (origin.role, origin.file, origin.architecture) == ("begun from", path.name, TINY.name)
    assert origin.said.endswith("tensors copied, 0 new, 0 left out")
    given = begun(data, tmp_path, path, mean=(0.5, 0.5, 0.5)).card().input
    assert (given.mean, given.std) == ((0.5, 0.5, 0.5), INPUT.std)


@pytest.mark.parametrize(
    ("classes", "said"),
    [
        (("a", "b"), "the classifier is new: 3 classes, the checkpoint has 2"),
        (("a", "b", "c"), "the classifier is new: the checkpoint's classes are others, or in another order"),
    ],
)
def test_other_classes_get_a_new_classifier(data, tmp_path, classes, said):
    path, weights = checkpoint(tmp_path, TINY.name, classes)
    trainer = begun(data, tmp_path, path)
    assert new_names(trainer, weights) <= {"classifier.weight", "classifier.bias"}
    assert "classifier.weight" in new_names(trainer, weights)
    assert trainer.origins[0].said.endswith(f"2 new, 2 left out; {said}")


@pytest.mark.parametrize("carded", [True, False])
def test_a_groupnl_network_begins_from_its_standard_twin(data, tmp_path, carded):
    path, weights = checkpoint(tmp_path, TINY.twin, carded=carded)
    trainer = begun(data, tmp_path, path)
    new = new_names(trainer, weights)
    layers = {f"blocks.{stage}.0.conv_dw" for stage in (3, 4)}
    assert new == {f"{layer}.{name}" for layer in layers for name in ("conv1.weight", "periods", "shifts")}
    assert trainer.origins[0].said.endswith("6 new, 2 left out")


def test_another_network_is_refused_by_the_names_of_what_does_not_fit(data, tmp_path):
    path, _ = checkpoint(tmp_path, "test_resnet")
    with pytest.raises(ConfigError, match=r"weights are of test_resnet, and \d+ tensors more than .* \(.*weight"):
        begun(data, tmp_path, path)


def test_grey_weights_are_adapted_to_colours_and_epsilons_carried_over(tmp_path):
    torch.manual_seed(0)
    grey = timm.create_model(TINY.twin, num_classes=3, in_chans=1, bn_eps=1e-3).eval()
    path, _ = checkpoint(tmp_path, TINY.twin)
    source = open_related(path, TINY.twin)._replace(network=grey)
    network = timm.create_model(TINY.twin, num_classes=3).eval()
    copied = copy_weights(network, TINY.twin, CLASSES, source, "--initial-checkpoint")
    assert "conv_stem.weight was of grey images: adapted to colours" in str(copied)
    images = torch.rand(2, 1, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(network(images.expand(-1, 3, -1, -1)), grey(images), rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_command_begins_from_a_checkpoint_goes_on_and_keeps_its_record(data, tmp_path, capsys):
    path, _ = checkpoint(tmp_path, TINY.twin, ("a", "b"))
    output = tmp_path / "tuned.safetensors"
    words = f"train --data {data} --model {TINY.name} --output {output} --run {tmp_path / 'run'} --eval-splits test"
    options = (
        f"--epochs 2 --batch-size 6 --size 32 --threads 1 --workers 0 --initial-checkpoint {path} --mean 0.5,0.5,0.5"
    )
    assert cli.main([*words.split(), *options.split()]) == 0
    assert f"begun from {path.name} (test_efficientnet): " in capsys.readouterr().err
    card = load_checkpoint(output).card
    assert card.input.mean == (0.5, 0.5, 0.5)
    assert card.input.std == INPUT.std
    (origin,) = card.training.origins
    assert origin.sha256 == load_checkpoint(path).sha256
    assert (
        f"Begun from `{path.name}`, `test_efficientnet`, sha256 `{origin.sha256}`"
        in output.with_suffix(".md").read_text()
    )
    moved = path.rename(tmp_path / "moved.safetensors")
    assert cli.main([*words.split(), *options.replace(str(path), str(moved)).split()]) == 0
    assert "going on after epoch 2" in capsys.readouterr().err
    checkpoint(tmp_path, TINY.twin, ("a", "b"), seed=4)
    assert cli.main([*words.split(), *options.split()]) == 1
    assert "the checkpoint that it was begun from was " in capsys.readouterr().err


def test_what_made_the_first_weights_robust_is_still_said(data, tmp_path):
    path, weights = checkpoint(tmp_path, TINY.name)
    record = TrainingRecord(
        command="x", seed=1, epochs=1, data="x", licences={}, accuracy={}, versions={}, robust="Made robust with noise."
    )
    save_checkpoint(path, weights, load_checkpoint(path).card.model_copy(update={"training": record}))
    assert begun(data, tmp_path, path).robust == "Made robust with noise."
    both = begun(data, tmp_path, path, robust="pixmix").robust
    assert both.startswith("Made robust with noise. Made robust with PixMix")


def test_a_record_without_origins_is_as_it_was():
    record = TrainingRecord(command="x", seed=1, epochs=1, data="x", licences={}, accuracy={}, versions={})
    assert "origins" not in record.model_dump_json()


def test_grey_weights_are_adapted_where_squares_of_pixels_are_made_channels_first():
    squares = SpaceToDepth(4)
    grey = torch.randn(5, 16, 3, 3)
    images = torch.rand(2, 1, 32, 32)
    wanted = torch.nn.functional.conv2d(squares(images), grey)
    found = torch.nn.functional.conv2d(squares(images.expand(-1, 3, -1, -1)), _for_colours(grey))
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)


def test_a_file_that_names_no_network_of_timms_is_taken_for_a_relative(tmp_path):
    """As timm's script writes it that has no arguments: the name of the network's class."""
    _, weights = checkpoint(tmp_path, TINY.twin)
    torch.save({"arch": "efficientnet", "state_dict": weights}, tmp_path / "last.pth.tar")
    assert open_related(tmp_path / "last.pth.tar", TINY.name).architecture == TINY.twin


@pytest.mark.parametrize("option", ["--initial-checkpoint", "--teacher"])
def test_what_a_run_is_made_of_is_not_overwritten(data, tmp_path, capsys, option):
    path, _ = checkpoint(tmp_path, TINY.twin)
    words = f"train --data {data} --model {TINY.name} --run {tmp_path / 'run'} {option} {path}"
    assert cli.main([*words.split(), "--output", f"{tmp_path}/./{path.name}"]) == 2
    assert f"{option} {path} would be overwritten: name another file with --output" in capsys.readouterr().err
