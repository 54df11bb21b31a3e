"""groupnl.models.published_names: weights under the names that their authors gave them, or timm's before."""

import re
from pathlib import Path

import pytest
import timm
import torch
from support.networks import lively
from torch import Tensor, nn

from groupnl.errors import CheckpointError
from groupnl.models.published_names import translated_by_timm
from groupnl.models.trained import open_trained

CLASSES = ("a", "b", "c")
SWIN = "swin_tiny_patch4_window7_224"


def trained(name: str, channels: int = 3) -> nn.Module:
    torch.manual_seed(0)
    return lively(timm.create_model(name, num_classes=len(CLASSES), in_chans=channels)).eval()


def swins(network: nn.Module) -> dict[str, Tensor]:
    """As its authors have it: layers end with what timm's begin with; and with masks and places."""
    tensors = {**network.state_dict(), **dict(network.named_buffers())}
    found = {}
    for name, tensor in tensors.items():
        theirs = re.sub(r"layers\.(\d)\.down", lambda part: f"layers.{int(part[1]) - 1}.down", name)
        found[theirs.replace("head.fc.", "head.")] = tensor
    return found


def convnexts(network: nn.Module) -> dict[str, Tensor]:
    """As its authors have it: layers of one pixel are linear."""
    found = {}
    for name, tensor in network.state_dict().items():
        for old, new in (
            (r"stem\.", "downsample_layers.0."),
            (r"stages\.(\d)\.downsample\.", r"downsample_layers.\1."),
            (r"\.blocks\.", "."),
            (r"conv_dw", "dwconv"),
            (r"mlp\.fc", "pwconv"),
            (r"head\.norm\.", "norm."),
            (r"head\.fc\.", "head."),
        ):
            name = re.sub(old, new, name)
        found[name] = tensor.flatten(1) if "pwconv" in name and tensor.ndim > 1 else tensor
    return found


@pytest.mark.parametrize(("name", "renamed", "size"), [(SWIN, swins, 224), ("convnext_atto", convnexts, 64)])
def test_authors_files_are_read(name: str, renamed: object, size: int, tmp_path: Path) -> None:
    network = trained(name)
    assert callable(renamed)
    theirs = renamed(network)
    assert theirs.keys() != network.state_dict().keys()
    content = {"model": {f"module.{key}": tensor for key, tensor in theirs.items()}}
    content["optimizer"] = {"state": {0: {"exp_avg": torch.ones(2, 2)}}}
    torch.save(content, tmp_path / "theirs.pth")
    found = open_trained(tmp_path / "theirs.pth", architecture=name, classes=CLASSES, given={"size": size})
    images = torch.randn(1, 3, size, size)
    with torch.inference_mode():
        assert torch.equal(found.network(images), network(images))


@pytest.mark.parametrize("channels", [1, 3])
def test_the_order_of_a_file_says_nothing(channels: int) -> None:
    theirs = convnexts(trained("convnext_atto", channels))
    turned = {name: theirs[name] for name in reversed(theirs)}
    assert next(tensor for tensor in turned.values() if tensor.ndim == 4 and tensor.shape[2] > 2).shape[1] == 1
    found = translated_by_timm("convnext_atto", turned)
    assert found is not None
    assert found["stem.0.weight"].shape[1] == channels


def test_tables_of_positions_are_compared() -> None:
    theirs = swins(trained(SWIN))
    indices = [name for name in theirs if name.endswith("relative_position_index")]
    assert indices
    assert translated_by_timm(SWIN, theirs) is not None
    assert translated_by_timm(SWIN, theirs | {name: theirs[name].flip(0) for name in indices}) is None


def test_nothing_is_interpolated() -> None:
    theirs = swins(trained(SWIN))
    tables = [name for name in theirs if name.endswith("relative_position_bias_table")]
    other = theirs | {name: torch.rand(23 * 23, theirs[name].shape[1]) for name in tables}  # of larger windows
    assert translated_by_timm(SWIN, other) is None


def test_nothing_is_left_as_it_was_built(tmp_path: Path) -> None:
    """This network's loader is content with tensors of any names."""
    torch.save({f"their_{name}": tensor for name, tensor in trained("dla46_c").state_dict().items()}, tmp_path / "x")
    with pytest.raises(CheckpointError, match="their keys are not timm's names for it"):
        open_trained(tmp_path / "x", architecture="dla46_c", classes=CLASSES)
