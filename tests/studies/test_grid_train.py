"""Studies that train: training, and what a network sees of a batch."""

from pathlib import Path

import pytest
import torch
from support.small_icons import COLOURS
from timm.utils import random_seed

from groupnl.errors import ConfigError
from groupnl.training.robust import build, jensen_shannon
from groupnl_studies.grid import train as train_module
from groupnl_studies.grid.images import Labelled
from groupnl_studies.grid.networks import build_network
from groupnl_studies.grid.recipe import ImagePlan, Recipe
from groupnl_studies.grid.state import Progress
from groupnl_studies.grid.train import Learner, best_classes, train
from groupnl_studies.grid.trainings import PLAIN, TRAININGS, Views, augment_each

pytestmark = pytest.mark.slow

RECIPE = Recipe(images=ImagePlan(), epochs=3, batch_size=16)


def coloured(count: int = 48) -> Labelled:
    labels = torch.arange(count) % 3
    colours = torch.tensor(list(COLOURS.values()), dtype=torch.uint8)
    return Labelled(colours[labels].view(count, 3, 1, 1).expand(-1, -1, 32, 32).contiguous(), labels)


def trained(state: Path, seed: int = 0, training: str = PLAIN) -> tuple[torch.nn.Module, tuple[float, ...]]:
    random_seed(seed)
    network = build_network("resnet18", "gnl_r2", 3)
    return network, train(network, coloured(), RECIPE, TRAININGS[training], seed, state).losses


def test_a_network_learns_colours(tmp_path: Path) -> None:
    network, losses = trained(tmp_path / "x")
    assert len(losses) == 3
    assert losses[-1] < losses[0]
    assert best_classes(network, coloured().pixels).shape == (48,)


def test_a_seed_trains_the_same_network_again(tmp_path: Path) -> None:
    (_, first), (_, again), (_, other) = (trained(tmp_path / f"{seed}", seed % 10) for seed in (1, 11, 2))
    assert first == again != other


class StoppedError(Exception):
    """The training is interrupted."""


def test_an_interrupted_training_goes_on_as_if_it_were_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    training = "augmix_jsd"
    network, losses = trained(tmp_path / "unbroken", training=training)
    save = train_module.save_state

    def save_twice(path: Path, recipe: Recipe, progress: Progress, parts: dict[str, object]) -> None:
        save(path, recipe, progress, parts)
        if len(progress.losses) == 2:
            raise StoppedError

    with monkeypatch.context() as patch:
        patch.setattr(train_module, "save_state", save_twice)
        with pytest.raises(StoppedError):
            trained(tmp_path / "broken", training=training)
    resumed, again = trained(tmp_path / "broken", training=training)
    assert again == losses
    expected = network.state_dict()
    assert all(torch.equal(value, expected[name]) for name, value in resumed.state_dict().items())
    with pytest.raises(ConfigError, match="broken is of a training with another recipe"):
        train(network, coloured(), RECIPE.model_copy(update={"lr": 1.0}), TRAININGS[training], 0, tmp_path / "broken")


def test_training_changes_no_function_of_groupnl(tmp_path: Path) -> None:
    random_seed(0)
    fresh = build_network("resnet18", "gnl_r2", 3).state_dict()
    state = trained(tmp_path / "x")[0].state_dict()
    frozen = [name for name in state if name.endswith((".periods", ".shifts"))]
    assert len(frozen) == 26
    assert all(torch.equal(state[name], fresh[name]) for name in frozen)


def test_fewer_images_than_a_batch_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there are 9 training images, fewer than a batch of 16"):
        train(build_network("resnet18", "standard", 3), coloured(9), RECIPE, TRAININGS[PLAIN], 0, tmp_path / "x")


def test_a_loss_that_is_not_finite_is_told(tmp_path: Path) -> None:
    network = build_network("resnet18", "standard", 3)
    with torch.no_grad():
        network.fc.weight.fill_(float("nan"))
    with pytest.raises(ConfigError, match="the loss became nan"):
        train(network, coloured(), RECIPE, TRAININGS[PLAIN], 0, tmp_path / "x")


def test_networks_of_a_seed_see_the_same_images_in_whatever_batch() -> None:
    images = coloured(6)
    pixels = torch.randint(0, 256, images.pixels.shape, dtype=torch.uint8)
    keys = [(0, 3, row) for row in range(6)]
    augmentation = build("augmix", 32)
    whole = augment_each(pixels, augmentation, keys)
    assert torch.equal(whole[2:4], augment_each(pixels[2:4], augmentation, keys[2:4]))
    assert not torch.equal(whole, augment_each(pixels, augmentation, [(0, 4, row) for row in range(6)]))


@pytest.mark.parametrize("training", [name for name in TRAININGS if name != PLAIN])
def test_every_training_sees_the_crops_of_the_plain_one(training: str) -> None:
    pixels = torch.randint(0, 256, (16, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    rows = torch.arange(16)

    def seen(name: str, epoch: int = 0) -> torch.Tensor:
        return Views(TRAININGS[name], RECIPE, 0)(pixels, rows, epoch, torch.Generator().manual_seed(0))

    cropped, views = seen(PLAIN), seen(training)
    assert views.dtype == torch.float32
    assert views.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(views, seen(training))
    assert not torch.equal(views[-16:], seen(training, epoch=1)[-16:])
    if training == "augmix_jsd":
        first, second, third = views.chunk(3)
        torch.testing.assert_close(first, cropped, atol=0.5 / 63.75 + 1e-4, rtol=0)  # to the nearest level
        assert not torch.equal(second, third)
        assert not torch.equal(second, first)
    else:
        assert views.shape == cropped.shape
        assert not torch.equal(views, cropped)


def test_consistent_training_is_that_of_the_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(train_module, "jensen_shannon", lambda *args: asked.append(args) or jensen_shannon(*args))
    network = build_network("resnet18", "standard", 3)
    learner = Learner(network, RECIPE, TRAININGS["augmix_jsd"], 0, 1)
    found = learner.step(coloured(16), torch.arange(16), 0, torch.Generator().manual_seed(0))
    [(logits, labels, smoothing)] = asked
    assert (logits.shape, labels.shape, smoothing) == ((48, 3), (16,), RECIPE.smoothing)
    assert found == jensen_shannon(logits, labels, smoothing).item()
