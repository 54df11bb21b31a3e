"""An archive for measuring speed where no trained network of that size is at hand: its weights are random."""

from pathlib import Path

import timm

from groupnl.archive.model_config import ServingSettings
from groupnl.archive.pack import pack
from groupnl.card import ModelCard
from groupnl.errors import CheckpointError
from groupnl.inference.engine_names import EngineName
from groupnl.models import save_checkpoint
from groupnl_studies.harness.random_network import CLASSES, random_network, usual_input
from groupnl_studies.serving.stock import INPUT_SIZE

# As the stock classifier's transforms have it, so that both services do the same work.
INPUT = usual_input(INPUT_SIZE)


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
    network = random_network(architecture, INPUT)
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint = folder / f"{architecture}.safetensors"
    classes = tuple(f"class {number}" for number in range(CLASSES))
    save_checkpoint(
        checkpoint, network.state_dict(), ModelCard(architecture=architecture, classes=classes, input=INPUT)
    )
    return pack(checkpoint, folder, architecture, settings=ServingSettings(handler={"engine": engine}))
