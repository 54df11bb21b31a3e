"""groupnl validate with a network that takes grey images: it gets the grey of the pictures."""

from pathlib import Path

import timm
import torch
from support.colours import NAMES, solid
from support.tiny import ARCHITECTURE, INPUT
from support.validation_runs import read, validate

from groupnl.card import ModelCard
from groupnl.models import save_checkpoint


def test_a_network_of_one_channel_is_measured(tmp_path: Path) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = timm.create_model(ARCHITECTURE, num_classes=len(NAMES), in_chans=1)
    config = INPUT.model_copy(update={"mean": (0.5,), "std": (0.25,)})
    card = ModelCard(architecture=ARCHITECTURE, classes=NAMES, input=config)
    save_checkpoint(tmp_path / "grey.safetensors", network.state_dict(), card)
    with torch.no_grad():
        grey = (torch.full((1, 1, 32, 32), 128.0) / 255 - 0.5) / 0.25
        best = NAMES[int(network.eval()(grey).argmax())]
    solid(tmp_path / "data", {best: ["grey", "grey"], next(name for name in NAMES if name != best): ["grey"]})
    assert validate(tmp_path / "grey.safetensors", tmp_path / "out", "--data", tmp_path / "data") == 0
    assert read(tmp_path / "out")["clean_top1"] == 2 / 3
