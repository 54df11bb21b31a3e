"""groupnl.models.forms: reparametrised networks, and tensors that a network answers without."""

from pathlib import Path

import pytest
import timm
import torch
import torchvision
from safetensors.torch import save_file
from support.networks import lively
from timm.models import reparameterize_model
from torch import nn

from groupnl.card import InputConfig, ModelCard
from groupnl.errors import CheckpointError
from groupnl.models import build_model, load_checkpoint, save_checkpoint
from groupnl.models.torchvision_files import torchvisions_config
from groupnl.models.trained import Trained, network_of_card, open_trained

CLASSES = ("a", "b", "c")


def trained(name: str, channels: int = 3) -> nn.Module:
    torch.manual_seed(0)
    return lively(timm.create_model(name, num_classes=len(CLASSES), in_chans=channels)).eval()


def opened(folder: Path, network: nn.Module, name: str, size: int, **beside: torch.Tensor) -> Trained:
    weights = {f"module.{key}": tensor for key, tensor in {**network.state_dict(), **beside}.items()}
    torch.save({"model": weights}, folder / "weights.pth")
    return open_trained(folder / "weights.pth", architecture=name, classes=CLASSES, given={"size": size})


@torch.inference_mode()
def answer_alike(found: nn.Module, network: nn.Module, size: int, channels: int = 3) -> bool:
    images = torch.randn(2, channels, size, size)
    return torch.equal(found(images), network(images))


@pytest.mark.parametrize(("name", "channels"), [("mobileone_s0", 1), ("shvit_s1", 3)])
def test_a_reparametrised_network_is_read(name: str, channels: int, tmp_path: Path) -> None:
    size = 64
    network = trained(name, channels)
    joined = reparameterize_model(network)
    assert joined.state_dict().keys() != network.state_dict().keys()
    found = opened(tmp_path, joined, name, size)
    assert (found.class_count, found.input.channels) == (len(CLASSES), channels)
    assert answer_alike(found.network, joined, size, channels)
    card = ModelCard(architecture=name, classes=CLASSES, input=found.input)
    save_checkpoint(tmp_path / "packed.safetensors", found.network.state_dict(), card)
    assert answer_alike(network_of_card(tmp_path / "packed.safetensors", card), joined, size, channels)


def test_the_order_of_a_file_says_nothing(tmp_path: Path) -> None:
    """Files of safetensors are sorted by name, and here a depthwise convolution comes before the first one."""
    joined = reparameterize_model(trained("mobileone_s0"))
    path = tmp_path / "m.safetensors"
    save_file({name: tensor.contiguous() for name, tensor in joined.state_dict().items()}, path)
    stored = load_checkpoint(path).groups[""].values()
    assert next(tensor for tensor in stored if tensor.ndim == 4).shape[1] == 1
    found = open_trained(path, architecture="mobileone_s0", classes=CLASSES, given={"size": 64})
    assert found.input.channels == 3
    assert answer_alike(found.network, joined, 64)


def with_what_it_makes(name: str) -> dict[str, torch.Tensor]:
    network = trained(name)
    return {**dict(network.named_buffers()), **network.state_dict()}


def test_tables_of_another_window_are_another_networks() -> None:
    """Their weights have the same names and shapes."""
    theirs = with_what_it_makes("swinv2_tiny_window16_256")
    in_half = {name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in theirs.items()}
    build_model("swinv2_tiny_window16_256", len(CLASSES), in_half)
    with pytest.raises(CheckpointError, match=r"are unexpected \(layers.0.blocks.0.attn.relative_coords_table"):
        build_model("swinv2_tiny_window8_256", len(CLASSES), theirs)


def test_masks_may_be_of_images_of_another_size() -> None:
    theirs = with_what_it_makes("swin_tiny_patch4_window7_224")
    masks = {name: torch.cat([tensor] * 4) for name, tensor in theirs.items() if name.endswith("attn_mask")}
    assert masks
    build_model("swin_tiny_patch4_window7_224", len(CLASSES), theirs | masks)
    other = {name: tensor[:, :16, :16] for name, tensor in masks.items()}
    with pytest.raises(CheckpointError, match=rf"{len(other)} are unexpected"):
        build_model("swin_tiny_patch4_window7_224", len(CLASSES), theirs | other)


def test_what_a_network_makes_itself_may_lie_in_its_file(tmp_path: Path) -> None:
    network = trained("levit_128s")
    made = {name: values for name, values in network.named_buffers() if name not in network.state_dict()}
    assert made
    assert answer_alike(opened(tmp_path, network, "levit_128s", 224, **made).network, network, 224)
    with pytest.raises(CheckpointError, match=r"1 are unexpected \(other_idxs\)"):
        opened(tmp_path, network, "levit_128s", 224, other_idxs=torch.zeros(3))


def test_inceptions_second_classifier_is_left_out(tmp_path: Path) -> None:
    network = torchvision.models.inception_v3(weights=None, num_classes=len(CLASSES), init_weights=False)
    lively(network).eval()
    assert any(name.startswith("AuxLogits.") for name in network.state_dict())
    found = opened(tmp_path, network, "inception_v3", 96)
    images = torch.randn(2, 3, 96, 96)
    with torch.inference_mode():
        expected, logits = network(images), found.network(images)
    assert (logits - expected).norm() < 1e-5 * expected.norm()


def test_inceptions_published_weights_have_another_mean() -> None:
    found = torchvisions_config("0cc3c7bd" + "0" * 56)
    assert found is not None
    assert (found.architecture, found.input["mean"], found.input["std"]) == ("inception_v3", (0.5,) * 3, (0.5,) * 3)
    assert found.input["input_size"] == [3, 299, 299]


def test_the_size_that_weights_are_for_is_told(tmp_path: Path) -> None:
    network = timm.create_model("test_vit", num_classes=len(CLASSES), img_size=96)
    with pytest.raises(CheckpointError, match=r"give the size that they were trained for, --input-size 96, or the"):
        opened(tmp_path, network, "test_vit", 160)
    given = InputConfig(size=96, mean=(0.5,) * 3, std=(0.5,) * 3, crop_pct=1, interpolation="bicubic")
    assert opened(tmp_path, network, "test_vit", given.size).input.size == 96
