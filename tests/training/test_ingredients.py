"""What a recipe asks for is really done: averaged weights, mixed and erased images, shared norms, half precision."""

import pytest
import torch
from support.training_runs import PLAIN, settings

from groupnl.errors import ConfigError
from groupnl.training.distributed import World
from groupnl.training.trainer import Trainer

CPU = torch.device("cpu")


def batches(data, folder, **changes):
    return list(Trainer(settings(data, folder, workers=0, **changes)).loader)


def test_averaged_weights_are_the_average(data, tmp_path):
    trainer = Trainer(settings(data, tmp_path, workers=0, ema_decay=0.9, ema_warmup=False))
    trainer.network.train()
    average = None
    for images, classes in trainer.loader:
        trainer._step(images, classes)
        weights = [weight.detach().clone() for weight in trainer.network.parameters()]
        # timm's first step takes the weights as they are
        average = [0.9 * a + 0.1 * w for a, w in zip(average, weights, strict=True)] if average else weights
    assert not all(torch.allclose(a, w, rtol=1e-4) for a, w in zip(average, weights, strict=True))
    for mine, wanted in zip(trainer.best.parameters(), average, strict=True):
        torch.testing.assert_close(mine, wanted)


@pytest.mark.parametrize("changes", [{"mixup": 0.8}, {"mixup": 0.0, "cutmix": 1.0}, {"mixup": 0.8, "cutmix": 1.0}])
def test_mixed_images_have_shares_of_two_classes(data, tmp_path, changes):
    targets = torch.cat([classes for _, classes in batches(data, tmp_path, smoothing=0.0, **changes)])
    assert targets.shape == (24, 3)
    torch.testing.assert_close(targets.sum(1), torch.ones(24))
    assert ((targets > 0.05).sum(1) == 2).any()


def test_nothing_is_mixed_unasked(data, tmp_path):
    for images, classes in batches(data, tmp_path, **PLAIN):
        assert images.shape == (6, 3, 32, 32)
        assert classes.dtype == torch.int64


def test_mixed_images_are_erased_once(data, tmp_path):
    """After they were mixed: erased before, black would be half of another image."""
    erased = {"reprob": 1.0, "remode": "const", "mixup": 5.0, "cutmix": 0.0}
    images = torch.cat([images for images, _ in batches(data, tmp_path, **erased)])
    black = (images == 0).all(1).flatten(1).float().mean(1)
    assert len(black) == 24
    assert black.min() > 0.015  # timm erases 2 % of an image at least


@pytest.mark.parametrize(
    ("reprob", "some", "all_of_them"), [(0.0, False, False), (0.5, True, False), (1.0, True, True)]
)
def test_images_are_erased_as_often_as_asked(data, tmp_path, reprob, some, all_of_them):
    plain, erased = (
        torch.cat([images for images, _ in batches(data, tmp_path / str(share), reprob=share, **PLAIN)])
        for share in (0.0, reprob)
    )
    other = (plain != erased).flatten(1).any(1)
    assert (bool(other.any()), bool(other.all())) == (some, all_of_them)


def test_odd_batches_cannot_be_mixed(data, tmp_path):
    with pytest.raises(ConfigError, match="--batch-size 7 is odd"):
        Trainer(settings(data, tmp_path, batch_size=7))
    assert len(Trainer(settings(data, tmp_path, batch_size=7, mixup=0.0)).loader) == 3


@pytest.mark.parametrize(("dist_bn", "reduce"), [("reduce", True), ("broadcast", False)])
def test_norms_of_network_and_average_are_shared(data, tmp_path, dist_bn, reduce):
    shared = []

    class Watched(World):
        def share_norms(self, network, reduce):
            shared.append((network, reduce))

    trainer = Trainer(settings(data, tmp_path, epochs=1, dist_bn=dist_bn), world=Watched(CPU))
    trainer.run()
    assert shared == [(trainer.network, reduce), (trainer.ema, reduce)]


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_network_computes_in_that_precision(data, tmp_path, precision):
    trainer = Trainer(settings(data, tmp_path, epochs=1, precision=precision))
    seen = []
    trainer.network.register_forward_hook(lambda _network, _inputs, output: seen.append(output.dtype))
    trainer.run()
    assert set(seen) == {getattr(torch, precision)}
    assert all(torch.isfinite(tensor).all() for tensor in trainer.weights().values())


def test_no_two_draw_the_same():
    """Processes, epochs and neighbouring seeds."""
    seeds = [
        World(CPU, rank, 8).seed(seed, epoch) for seed in (42, 43, 44) for rank in range(8) for epoch in range(600)
    ]
    assert len(set(seeds)) == len(seeds)
    assert all(0 <= seed < 2**32 for seed in seeds)
