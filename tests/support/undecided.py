"""A tiny network without a favourite class, and pictures that it answers differently, also when they are corrupted."""

import io

import numpy as np
import timm
import torch
from PIL import Image
from support.tiny import ARCHITECTURE, CLASSES, INPUT
from torch import Tensor


def network(seed: int, architecture: str = ARCHITECTURE) -> torch.nn.Module:
    """Random weights, but no favourite class: pictures differ in their answers."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = timm.create_model(architecture, num_classes=len(CLASSES)).eval()
    with torch.inference_mode():
        network.get_classifier().bias -= network(as_input(torch.stack([pixels_of(n) for n in range(100, 164)]))).mean(0)
    return network


def pixels_of(number: int) -> Tensor:
    """Coloured blotches of the network's size, another picture for each number."""
    blotches = np.random.default_rng(number).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    picture = Image.fromarray(blotches).resize((INPUT.size, INPUT.size), Image.Resampling.BICUBIC)
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1)


def file_of(number: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels_of(number).permute(1, 2, 0).numpy()).save(file, "PNG")
    return file.getvalue()


def as_input(pixels: Tensor) -> Tensor:
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (INPUT.mean, INPUT.std))
    return (pixels / 255 - mean) / std
