"""groupnl.training.teacher: answers and maps of a teacher are in the loss, and nothing of it changes."""

import math

import pytest
import timm
import torch
from support import torchrun
from support.begun import INPUT, checkpoint
from support.training_runs import CLASSES, PLAIN, settings, words_of

from groupnl.errors import ConfigError
from groupnl.models import TINY, load_checkpoint
from groupnl.training.feature_maps import agreeing_blocks, blocks_of, relative_error
from groupnl.training.teacher import soft_loss
from groupnl.training.trainer import Trainer

BLOCKS = tuple(f"blocks.{stage}.0" for stage in range(5))


def taught(data, folder, path, **changes):
    return Trainer(settings(data, folder, teacher=path, workers=0, ema_decay=0.0, **changes))


def test_soft_loss_is_the_divergence_at_a_temperature_by_hand():
    # At temperature 2 the student says (1/2, 1/2), the teacher (3/4, 1/4).
    logits, wanted = torch.tensor([[0.0, 0.0]]), torch.tensor([[2 * math.log(3), 0.0]])
    by_hand = 0.75 * math.log(0.75 / 0.5) + 0.25 * math.log(0.25 / 0.5)
    assert soft_loss(logits, wanted, 2.0).item() == pytest.approx(4 * by_hand)
    assert soft_loss(wanted, wanted, 2.0).item() == pytest.approx(0, abs=1e-7)


def test_relative_error_is_0_for_equals_and_1_for_the_mean():
    wanted = torch.randn(4, 3, 5, 5) + torch.tensor([0.0, 5.0, -2.0]).view(1, 3, 1, 1)
    assert relative_error(wanted, wanted).item() == 0
    assert relative_error(wanted.mean((0, 2, 3), keepdim=True).expand_as(wanted), wanted).item() == pytest.approx(1)
    assert relative_error(torch.zeros(2, 3, 1, 1), torch.zeros(2, 3, 1, 1)).item() == 0


def test_blocks_are_compared_one_by_one_or_by_their_last_shape():
    image = torch.zeros(1, 3, 32, 32)
    student, twin = (timm.create_model(name, num_classes=3) for name in (TINY.name, TINY.twin))
    assert blocks_of(student) == BLOCKS
    assert agreeing_blocks(student, twin, image) == tuple(zip(BLOCKS, BLOCKS, strict=True))
    assert student.training
    other = timm.create_model("mobilenetv2_100", num_classes=3)
    wanted = (("blocks.0.0", "blocks.0.0"), ("blocks.1.0", "blocks.1.1"), ("blocks.2.0", "blocks.2.2"))
    assert agreeing_blocks(student, other, image) == wanted


def test_the_loss_is_the_sum_of_its_parts(data, tmp_path):
    path, _ = checkpoint(tmp_path, TINY.twin)
    losses = {}
    for name, weights in {"hard": (0.0, 0.0), "soft": (1.0, 0.0), "all": (0.25, 3.0), "maps": (0.0, 1.0)}.items():
        folder = tmp_path / name
        trainer = taught(
            data,
            folder,
            path,
            teacher_weight=weights[0],
            feature_weight=weights[1],
            mean=INPUT.mean,
            std=INPUT.std,
            **PLAIN,
        )
        trainer.optimisation.step = lambda loss: None
        torch.manual_seed(0)
        images, classes = next(iter(trainer.loader))
        trainer.network.eval()  # no image of the batch looks at others
        losses[name] = trainer._step(images, classes).item()
        with torch.no_grad():
            logits, answers = trainer.network(images), trainer.teacher.network(images)
    soft = soft_loss(logits, answers, 4.0).item()
    assert losses["soft"] == pytest.approx(soft, rel=1e-4)
    maps = losses["maps"] - losses["hard"]
    assert maps > 0
    assert losses["all"] == pytest.approx(0.75 * losses["hard"] + 0.25 * soft + 3 * maps, rel=1e-4)


def test_the_teacher_sees_pixels_normalised_for_it_and_stays_as_it_is(data, tmp_path):
    path, weights = checkpoint(tmp_path, TINY.twin)
    trainer = taught(data, tmp_path, path, epochs=1, teacher_weight=1.0, mixup=0.4)
    given = trainer.card().input
    pixels = torch.rand(2, 3, 32, 32)
    seen = []
    hook = trainer.teacher.network.register_forward_pre_hook(lambda _network, inputs: seen.append(inputs[0]))
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (given.mean, given.std))
    trainer.teacher.loss(torch.zeros(()), torch.zeros(2, 3), {}, (pixels - mean) / std, trainer.autocast)
    own_mean, own_std = (torch.tensor(values).view(1, 3, 1, 1) for values in (INPUT.mean, INPUT.std))
    torch.testing.assert_close(seen[0], (pixels - own_mean) / own_std, rtol=1e-4, atol=1e-5)
    hook.remove()
    trainer.run()
    assert not trainer.teacher.network.training
    assert not any(weight.requires_grad or weight.grad is not None for weight in trainer.teacher.network.parameters())
    assert all(torch.equal(tensor, weights[name]) for name, tensor in trainer.teacher.network.state_dict().items())


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_mixed_images_and_half_precision_are_learned_from(data, tmp_path, precision):
    path, _ = checkpoint(tmp_path, TINY.twin)
    given = {"mixup": 0.5, "cutmix": 0.5, "feature_weight": 1.0, "precision": precision, "ema_decay": 0.9}
    trainer = Trainer(settings(data, tmp_path, teacher=path, workers=0, epochs=2, **given))
    trainer.run()
    losses = [float(row["loss"]) for row in trainer.rows]
    assert losses[1] < losses[0]
    assert all(torch.isfinite(tensor).all() for tensor in trainer.weights().values())
    assert trainer.origins[0].said.endswith("the labels 0.5, error of 5 maps weighs 1")


def test_a_taught_run_goes_on_as_if_unbroken_but_not_with_another_teacher(data, tmp_path):
    path, _ = checkpoint(tmp_path, TINY.twin)
    whole = taught(data, tmp_path / "whole", path, epochs=2)
    whole.run()
    changes = {"epochs": 2, "feature_weight": 0.0}
    stopped = taught(data, tmp_path / "stopped", path, **changes)
    stopped.rows.append(stopped._row())
    stopped.config.run_folder.mkdir(parents=True)
    stopped._write()
    resumed = taught(data, tmp_path / "stopped", path, **changes)
    assert resumed.epoch == 1
    resumed.run()
    assert all(torch.equal(whole.weights()[key], tensor) for key, tensor in resumed.weights().items())
    checkpoint(tmp_path, TINY.twin, seed=9)
    with pytest.raises(ConfigError, match="the checkpoint that it was taught by was "):
        taught(data, tmp_path / "stopped", path, **changes)


@pytest.mark.parametrize(
    ("classes", "changes", "sentence"),
    [
        (("a", "b"), {}, "it has 2 classes, the images 3"),
        (("blue", "amber", "red"), {}, "in another order: blue where the images have amber"),
        (CLASSES, {"feature_weight": 1.0, "grad_checkpointing": True}, "--feature-weight with --grad-checkpointing"),
    ],
)
def test_teachers_that_do_not_suit_are_refused(data, tmp_path, classes, changes, sentence):
    path, _ = checkpoint(tmp_path, TINY.twin, classes)
    with pytest.raises(ConfigError, match=sentence):
        taught(data, tmp_path, path, **changes)


def test_a_teacher_that_does_not_name_its_classes_is_told(data, tmp_path):
    path, _ = checkpoint(tmp_path, TINY.twin, carded=False)
    said = taught(data, tmp_path, path).origins[0].said
    assert said.endswith("the labels 0.5; it does not name its classes, so they are taken for the images'")


def test_maps_need_a_teacher(data, tmp_path):
    with pytest.raises(ConfigError, match="--feature-weight 1 needs a --teacher"):
        Trainer(settings(data, tmp_path, feature_weight=1.0))


@pytest.mark.slow
def test_two_processes_are_begun_and_taught_alike(data, tmp_path):
    teacher, _ = checkpoint(tmp_path, TINY.twin)
    given = {"teacher": teacher, "initial_checkpoint": teacher, "feature_weight": 0.5, "epochs": 2, "batch_size": 6}
    config = settings(data, tmp_path, **given)
    printed = torchrun.finish(torchrun.start("train", *words_of(config)))
    assert printed.count(f"begun from {teacher.name} (test_efficientnet): ") == 1
    assert printed.count(f"taught by {teacher.name} (test_efficientnet): ") == 1
    card = load_checkpoint(config.checkpoint).card
    assert [origin.role for origin in card.training.origins] == ["begun from", "taught by"]
