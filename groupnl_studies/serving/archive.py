"""An archive for measuring speed where no trained network of that size is at hand: random weights, usual activations.

Speed does not depend on what a network has learnt, but it may on the size of the numbers in it: where they vanish layer
by layer, they end as subnormal ones, which processors multiply slowly. So the statistics of the batch norms are
taken from pictures.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import timm
import torch
from PIL import Image
from torch import Tensor, nn

from groupnl.archive.model_config import ServingSettings
from groupnl.archive.pack import pack
from groupnl.card import InputConfig, ModelCard
from groupnl.errors import CheckpointError
from groupnl.inference.engine_names import EngineName
from groupnl.models import save_checkpoint
from groupnl_studies.harness.photographs import photograph
from groupnl_studies.serving.stock import INPUT_SIZE

CLASSES = 1000
# As the stock classifier's transforms have it, so that both services do the same work.
INPUT = InputConfig(
    size=INPUT_SIZE, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225), crop_pct=0.875, interpolation="bilinear"
)
_PICTURES = 8


def random_archive(architecture: str, engine: EngineName, folder: Path) -> Path:
    """Pack a network with random weights, the same at every call, as `groupnl archive` does.

    Args:
        architecture: timm name, one of ours among them.
        engine: that runs the network.
        folder: of the archive; made if missing.

    Returns:
        The archive's path; the model has the architecture's name.

    Raises:
        CheckpointError: timm does not know the architecture.
        RewriteError: the engine cannot be made of the network.
    """
    if not timm.is_model(architecture):
        raise CheckpointError(f"architecture {architecture!r} is unknown to timm; `groupnl models` lists ours")
    with _seeded():
        network = timm.create_model(architecture, num_classes=CLASSES)
        _take_statistics(network)
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint = folder / f"{architecture}.safetensors"
    classes = tuple(f"class {number}" for number in range(CLASSES))
    save_checkpoint(
        checkpoint, network.state_dict(), ModelCard(architecture=architecture, classes=classes, input=INPUT)
    )
    return pack(checkpoint, folder, architecture, settings=ServingSettings(handler={"engine": engine}))


@contextmanager
def _seeded() -> Iterator[None]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def _take_statistics(network: nn.Module) -> None:
    norms = [module for module in network.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    for norm in norms:
        norm.momentum = 1.0  # all of the next batch
    with torch.inference_mode():
        network.train()(_pictures())
    network.eval()


def _pictures() -> Tensor:
    """Generated photographs as network input, float32 (B, 3, S, S)."""
    images = [Image.open(io.BytesIO(photograph(seed))).resize((INPUT.size, INPUT.size)) for seed in range(_PICTURES)]
    pixels = torch.from_numpy(np.stack([np.asarray(image, np.float32) for image in images])).permute(0, 3, 1, 2) / 255
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (INPUT.mean, INPUT.std))
    return (pixels - mean) / std
