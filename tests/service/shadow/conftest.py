"""What tests of the shadow path share."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from prometheus_client import CollectorRegistry
from support.shadows import CPU
from torch import Tensor

from groupnl.archive.load import load_unpacked
from groupnl.archive.probe import ProbeSet
from groupnl.archive.shadow_config import ShadowConfig
from groupnl.inference.engines.torch_engine import TorchEngine
from groupnl.metrics import Metrics
from groupnl.service.shadow.counts import ShadowCounts
from groupnl.service.shadow.loop import ShadowLoop
from groupnl.service.shadow.runner import Runner


@pytest.fixture
def engine(packed: Path) -> TorchEngine:
    manifest, model = load_unpacked(packed)
    return TorchEngine(model, manifest.card.input, CPU, torch.float32)


@pytest.fixture
def pixels() -> Tensor:
    blotches = torch.rand(40, 3, 5, 5, generator=torch.Generator().manual_seed(1)) * 255
    return torch.nn.functional.interpolate(blotches, (64, 64), mode="bilinear").to(torch.uint8)


@pytest.fixture
def begin(registry: CollectorRegistry) -> Iterator[Callable[..., ShadowLoop]]:
    started = []

    def start(
        runner: Runner, given: ShadowConfig, probe: ProbeSet | None = None, twin: str | None = None
    ) -> ShadowLoop:
        counts = ShadowCounts(Metrics("tiny", registry), twin, given.cells())
        shadow = ShadowLoop(runner, given, counts, probe)
        shadow.start()
        started.append(shadow)
        return shadow

    yield start
    for shadow in started:
        shadow.close()
