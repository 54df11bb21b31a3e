"""A case's network with random weights, its file, and what timm answers with it."""

import argparse
import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import timm
import torch
import torchvision
from PIL import Image
from safetensors.torch import save_file
from timm.data import create_transform, resolve_data_config
from timm.data.loader import adapt_to_chs
from timm.models import reparameterize_model, save_for_hf
from torch import Tensor, nn

import groupnl.models  # noqa: F401 (registers the networks)
from groupnl_studies.classifiers.case import Case
from groupnl_studies.harness.photographs import photograph
from groupnl_studies.harness.random_network import pictures

_SEED = 0
_PICTURES = 8  # for the statistics of batch norms
_LEVELS = 255
_MODES = {1: "L", 3: "RGB"}
# Values of timm's training script in a file of its own.
_MEAN, _STD, _CROP = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3), 0.9


class Written(NamedTuple):
    """A network and its file.

    Attributes:
        network: in evaluation mode.
        path: of the file or folder.
        input: what timm would be told to make its images, by timm's names.
        told: what `groupnl archive` must be told beside the file: architecture and size.
    """

    network: nn.Module
    path: Path
    input: dict[str, Any]
    told: dict[str, Any]


def written(case: Case, folder: Path) -> Written:
    """Make the network of a case, and its file below `folder`."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(_SEED)
        network = _built(case)
        _settle(network, case)
    if case.form == "reparametrised":
        network = reparameterize_model(network)
    tensors = network.state_dict()
    if case.form == "float16":
        tensors = {name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in tensors.items()}
        network.load_state_dict(tensors)
    size = (case.channels, case.size, case.size)
    known = {"architecture": case.architecture, "given_input": {"size": case.size}}
    usual: Any = getattr(network, "pretrained_cfg", {})
    if case.form.startswith("hub folder"):
        names = [f"class {number}" for number in range(case.classes)]
        data = {"input_size": size, "mean": _own(_MEAN, case), "std": _own(_STD, case), "crop_pct": _CROP}
        safe = case.form == "hub folder"
        save_for_hf(
            network, str(folder), model_config={"label_names": names}, data_config=data, safe_serialization=safe
        )
        return Written(network, folder, {**usual, **data}, {})
    if case.form == "train.py":
        args = {"input_size": size, "mean": _own(_MEAN, case), "std": _own(_STD, case), "crop_pct": _CROP}
        stray = {name: torch.zeros_like(tensor) for name, tensor in tensors.items()}
        content = {"arch": case.architecture, "args": argparse.Namespace(**args), "epoch": 1, "metric": 0.5}
        torch.save(
            content | {"state_dict": stray, "state_dict_ema": _prefixed("module.", tensors)}, folder / "last.pth"
        )
        return Written(network, folder / "last.pth", {**usual, **args}, {})
    if case.form == "safetensors":
        path = folder / "weights.safetensors"
        save_file(tensors, path)
    else:
        path = folder / "weights.pth"
        torch.save(_prefixed("module.", tensors) if case.form == "DataParallel" else tensors, path)
    return Written(network, path, {**_usual(case, usual), "input_size": size}, known)


def files_of(made: Written) -> list[bytes]:
    """What is asked: a picture that fits as it is, so that both see the same pixels, and two that are resized."""
    config = _config(made)
    side = math.floor(config["input_size"][-1] / config["crop_pct"])
    wide, upright, fitting = (Image.open(io.BytesIO(photograph(seed))) for seed in range(3))
    return [_png(fitting.resize((side, side))), _png(wide), _png(upright.crop((100, 0, 340, 480)))]


def timms_logits(made: Written, case: Case, files: Sequence[bytes]) -> Tensor:
    """What timm's own transform and the network itself answer: (files, classes)."""
    config = _config(made)
    values = {name: tuple(adapt_to_chs(config[name], case.channels)) for name in ("mean", "std")}
    with torch.inference_mode():
        logits: Tensor = made.network(_prepared(config | values, case, files))
    return logits


def timms_pixels(made: Written, case: Case, files: Sequence[bytes]) -> Tensor:
    """What timm's own transform makes of images before it normalises them: uint8 (files, channels, size, size)."""
    return _prepared(_config(made) | {"normalize": False}, case, files)


def _prepared(config: dict[str, Any], case: Case, files: Sequence[bytes]) -> Tensor:
    prepare: Any = create_transform(**config, is_training=False)
    return torch.stack([prepare(Image.open(io.BytesIO(file)).convert(_MODES[case.channels])) for file in files])


def _built(case: Case) -> nn.Module:
    network: nn.Module
    if case.form == "torchvision":
        network = torchvision.models.get_model(case.architecture, weights=None, num_classes=case.classes)
        return network.eval()
    fixed = timm.get_pretrained_cfg(case.architecture).fixed_input_size
    size = {"img_size": case.size} if fixed else {}
    network = timm.create_model(case.architecture, num_classes=case.classes, in_chans=case.channels, **size)
    return network.eval()


def _settle(network: nn.Module, case: Case) -> None:
    """Give batch norms the statistics of pictures, and what begins as zeros small numbers."""
    for values in network.parameters():
        if not values.any():
            nn.init.normal_(values, std=0.02)
    for module in network.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.momentum = 1.0
    with torch.no_grad():
        network.train()((pictures(_PICTURES, case.size) / _LEVELS - 0.5)[:, : case.channels] / 0.25)
    network.eval()


def _usual(case: Case, usual: dict[str, Any]) -> dict[str, Any]:
    """What timm says of a network of torchvision's, as `groupnl archive` assumes it."""
    from groupnl.models.other_libraries import timms_name

    return timm.get_pretrained_cfg(timms_name(case.architecture)).to_dict() if case.form == "torchvision" else usual


def _config(made: Written) -> dict[str, Any]:
    config: dict[str, Any] = resolve_data_config({}, made.input)
    return config


def _own(values: tuple[float, ...], case: Case) -> tuple[float, ...]:
    return values[: case.channels]


def _prefixed(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {f"{prefix}{name}": tensor for name, tensor in tensors.items()}


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()
