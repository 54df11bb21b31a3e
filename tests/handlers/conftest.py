import shutil
from pathlib import Path

import pytest
import timm
import torch

import groupnl.models  # noqa: F401 (registers the tiny model)
from groupnl.card import InputConfig, ModelCard
from groupnl.manifest import MANIFEST_NAME, Manifest
from groupnl.models import save_checkpoint

CLASSES = ("grey", "red", "green", "blue", "white", "black", "\u00e9clair")


@pytest.fixture(scope="session")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An unpacked archive of a tiny model."""
    folder = tmp_path_factory.mktemp("packed")
    torch.manual_seed(0)
    model = timm.create_model("test_gnl_efficientnet", num_classes=len(CLASSES))
    config = InputConfig(size=64, mean=(0.5,) * 3, std=(0.5,) * 3, crop_pct=0.875, interpolation="bilinear")
    card = ModelCard(architecture="test_gnl_efficientnet", classes=CLASSES, input=config)
    digest = save_checkpoint(folder / "weights.safetensors", model.state_dict(), card)
    manifest = Manifest(
        model_name="tiny", version="1.0", card=card, weights="weights.safetensors", weights_sha256=digest
    )
    (folder / MANIFEST_NAME).write_text(manifest.model_dump_json(), encoding="utf-8")
    return folder


@pytest.fixture
def own_copy(packed: Path, tmp_path: Path) -> Path:
    """The same, for a test that changes it."""
    return Path(shutil.copytree(packed, tmp_path / "packed"))
