import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import timm
import torch
from prometheus_client import CollectorRegistry
from support.shadows import CPU, Count
from torch import Tensor

import groupnl.models  # noqa: F401 (registers the tiny model)
from groupnl.archive.load import load_unpacked
from groupnl.archive.probe import ProbeSet
from groupnl.card import InputConfig, ModelCard
from groupnl.inference import TorchEngine
from groupnl.manifest import MANIFEST_NAME, Manifest
from groupnl.metrics import Metrics
from groupnl.models import save_checkpoint
from groupnl.shadow_config import ShadowConfig
from handlers.shadow.counts import ShadowCounts
from handlers.shadow.runner import Runner
from handlers.shadow.shadow import Shadow

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


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def count(registry: CollectorRegistry) -> Count:
    """The sum of a metric's samples that have these labels."""

    def total(name: str, **labels: str) -> float:
        samples = [sample for family in registry.collect() for sample in family.samples if sample.name == name]
        found = [s.value for s in samples if labels.items() <= s.labels.items()]
        assert found, f"no sample {name} {labels}"
        return sum(found)

    return total


@pytest.fixture
def engine(packed: Path) -> TorchEngine:
    manifest, model = load_unpacked(packed)
    return TorchEngine(model, manifest.card.input, CPU, torch.float32)


@pytest.fixture
def pixels() -> Tensor:
    blotches = torch.rand(40, 3, 5, 5, generator=torch.Generator().manual_seed(1)) * 255
    return torch.nn.functional.interpolate(blotches, (64, 64), mode="bilinear").to(torch.uint8)


@pytest.fixture
def begin(registry: CollectorRegistry) -> Iterator[Callable[..., Shadow]]:
    started = []

    def start(runner: Runner, given: ShadowConfig, probe: ProbeSet | None = None, twin: str | None = None) -> Shadow:
        counts = ShadowCounts(Metrics("tiny", registry), twin, given.cells())
        shadow = Shadow(runner, given, counts, probe)
        shadow.start()
        started.append(shadow)
        return shadow

    yield start
    for shadow in started:
        shadow.close()
