"""Networks for grey images where a compiler or rounding stands between: the engine `aot`, and int8 in `openvino`."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from groupnl.archive.int8 import Int8Images, ProofImages, prove
from groupnl.card import InputConfig, ModelCard
from groupnl.inference.engines.kind import Spec
from groupnl.inference.engines.table import engine_kind
from groupnl.inference.engines.torch_engine import TorchEngine

CPU = torch.device("cpu")
MEAN, STD, SIZE = 0.1, 0.8, 24
CONFIG = InputConfig(size=SIZE, mean=(MEAN,), std=(STD,), crop_pct=1.0, interpolation="bilinear")
LEVELS = (0.1, 0.35, 0.6, 0.85)  # of normalised grey; a class each
STEEP = 40.0
CHANNELS = 16


def network() -> nn.Module:
    """Tells the levels apart: its maps are means of grey, and the class of the nearest level has the largest logit."""
    torch.manual_seed(0)
    classifier = nn.Linear(CHANNELS, len(LEVELS))
    with torch.no_grad():
        levels = torch.tensor(LEVELS)
        classifier.weight.copy_((2 * STEEP / CHANNELS * levels)[:, None].expand(-1, CHANNELS))
        classifier.bias.copy_(-STEEP * levels**2)
    maps = averages(1), nn.ReLU(), averages(CHANNELS), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    return nn.Sequential(*maps, classifier).eval()


def averages(channels: int) -> nn.Conv2d:
    layer = nn.Conv2d(channels, CHANNELS, 3, bias=False)
    with torch.no_grad():
        layer.weight.uniform_(0, 1)
        layer.weight /= layer.weight.sum((1, 2, 3), keepdim=True)
    return layer


def pictures(count: int, first: int = 0) -> tuple[Tensor, Tensor]:
    """Colours whose grey lies near a level, uint8 (N, 3, S, S), and the number of the level."""
    labels = torch.arange(count) % len(LEVELS)
    found = []
    for number, label in enumerate(labels.tolist()):
        rng = np.random.default_rng(first + number)
        grey, redder = 255 * (LEVELS[label] * STD + MEAN), rng.uniform(-40, 40)
        colour = np.array([grey + redder, grey - redder * 0.299 / 0.587, grey])
        found.append((colour + rng.uniform(-10, 10, (SIZE, SIZE, 1))).clip(0, 255).astype(np.uint8))
    return torch.from_numpy(np.stack(found)).permute(0, 3, 1, 2), labels


def by_pillow(pixels: Tensor) -> Tensor:
    """The network's answer to the grey that Pillow makes."""
    greys = [np.asarray(Image.fromarray(image.permute(1, 2, 0).numpy()).convert("L")) for image in pixels]
    with torch.inference_mode():
        logits: Tensor = network()((torch.from_numpy(np.stack(greys))[:, None] / 255 - MEAN) / STD)
    return logits


def difference(found: Tensor, expected: Tensor) -> float:
    return float((found - expected).norm() / expected.norm())


def test_colours_are_made_grey_as_pillow_does() -> None:
    pixels, labels = pictures(12)
    found = TorchEngine(network(), CONFIG, CPU, torch.float32)(pixels)
    assert difference(found, by_pillow(pixels)) < 0.02  # Pillow rounds to whole levels
    assert torch.equal(found.argmax(1), labels)


@pytest.mark.slow
def test_a_compiled_network_sees_the_same_grey(tmp_path: Path) -> None:
    torch.manual_seed(0)
    maps = nn.Conv2d(1, CHANNELS, 3, stride=2), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    uneven = nn.Sequential(*maps, nn.Linear(CHANNELS, 4)).eval()  # which weight is whose shows
    kind, spec = engine_kind("aot"), Spec(CONFIG, CPU, torch.float32)
    kind.make(uneven, spec, tmp_path)
    engine, expected = kind.open(tmp_path, lambda: uneven, spec), TorchEngine(uneven, CONFIG, CPU, torch.float32)
    for batch in (1, 3, 8):
        noise = torch.randint(0, 256, (batch, 3, SIZE, SIZE), dtype=torch.uint8, generator=torch.manual_seed(batch))
        assert difference(engine(noise), expected(noise)) < 1e-5


@pytest.mark.slow
def test_an_int8_network_sees_the_same_grey(tmp_path: Path) -> None:
    kind = engine_kind("openvino")
    spec = Spec(CONFIG, CPU, torch.int8, calibration=pictures(60, first=1000)[0])
    quantised = kind.make(network(), spec, tmp_path)
    assert quantised is not None
    assert quantised.share > 0.5
    engine, (pixels, labels) = kind.open(tmp_path, network, spec), pictures(120)
    assert difference(engine(pixels), by_pillow(pixels)) < 0.05
    card = ModelCard(architecture="test_resnet", classes=("night", "dusk", "shade", "day"), input=CONFIG)
    proof = prove(engine, network(), card, Int8Images(pixels, "X", ProofImages(pixels, labels), "Y"))
    assert (proof.same, proof.correct, proof.correct_in_float32) == (120, 120, 120)
