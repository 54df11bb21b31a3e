"""Networks for measuring speed where nothing trained is at hand: random weights, usual activations; and their pictures.

Speed does not depend on what a network has learnt, but it may on the size of the numbers in it: where they vanish layer
by layer, they end as subnormal ones, which processors multiply slowly. So the statistics of the batch norms are
taken from pictures.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import timm
import torch
from torch import Tensor, nn

import groupnl.models  # noqa: F401 (registers the networks)
from groupnl.card import InputConfig
from groupnl_studies.harness.photographs import squares

CLASSES = 1000
_SEED = 0
_PICTURES = 8  # for the statistics
_BRANCH = 0.2  # of what a branch adds, as in trained ones; with 1 bfloat16's errors grow from block to block


def usual_input(size: int) -> InputConfig:
    """The input of networks for ImageNet.

    Args:
        size: of its side, pixels.
    """
    return InputConfig(
        size=size, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225), crop_pct=0.875, interpolation="bilinear"
    )


def pictures(count: int, size: int) -> Tensor:
    """Generated photographs, the same at every call: uint8 of shape (count, 3, size, size), channels last in memory."""
    return torch.from_numpy(squares(count, size)).permute(0, 3, 1, 2)


def random_network(architecture: str, config: InputConfig, classes: int = CLASSES) -> nn.Module:
    """A network with random weights, the same at every call.

    Args:
        architecture: a name that timm knows.
        config: of its input.
        classes: size of the classifier.

    Returns:
        The network in evaluation mode, on the CPU, float32.
    """
    with torch.random.fork_rng(devices=[]), _one_thread():
        torch.manual_seed(_SEED)
        network: nn.Module = timm.create_model(architecture, num_classes=classes)
        for module in network.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.momentum = 1.0  # all of the next batch
                if not module.weight.any():  # ResNets begin with branches that add nothing
                    nn.init.constant_(module.weight, _BRANCH)
        mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (config.mean, config.std))
        with torch.inference_mode():
            network.train()((pictures(_PICTURES, config.size) / 255 - mean) / std)
    return network.eval()


@contextmanager
def _one_thread() -> Iterator[None]:
    """With another number of threads sums end in other digits, and by these is kept what is made of a network."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def identity(architecture: str, network: nn.Module) -> str:
    """Tells a network from all others: its name, and the SHA-256 of its weights.

    Args:
        architecture: timm name.
        network: on the CPU.
    """
    digest = hashlib.sha256()
    for name, value in network.state_dict().items():
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode() + value.contiguous().numpy().tobytes())
    return f"{architecture} {digest.hexdigest()}"
