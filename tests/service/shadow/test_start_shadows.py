"""groupnl.service.shadow.start where the disk is full: the model is served, and each worker remembers by itself."""

from pathlib import Path

import pytest
import torch
from PIL import Image
from prometheus_client import CollectorRegistry
from support.pictures import encode, scene
from support.small_disk import fill, small_disk

from groupnl.archive.engine import Choice
from groupnl.archive.shadow_config import ShadowConfig
from groupnl.metrics import Metrics
from groupnl.service.items import Item
from groupnl.service.shadow import start
from groupnl.service.shadow.start import start_shadows


class _Shadow:
    """Wants every image."""

    def __init__(self, *_: object, needs_files: bool = False) -> None: ...

    def start(self) -> None: ...

    def wants(self, key: str) -> bool:
        return True

    def offer(self, job: object) -> None: ...


def test_a_full_disk(
    packed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(start, "ShadowLoop", _Shadow)
    registry = CollectorRegistry()
    choice = Choice("eager", torch.device("cpu"), torch.float32)
    image = Item({"body": encode(Image.fromarray(scene()), "PNG")}, {})
    pixels = torch.from_numpy(scene()[:64, :64]).permute(2, 0, 1)
    with small_disk(tmp_path / "disk", 64) as disk:
        fill(disk, 0)
        sampler = start_shadows(packed, "tiny", ShadowConfig(), Metrics("tiny", registry), choice, disk / "seen")
        assert "No space left on device" in caplog.text
        for _ in range(2):
            sampler.offer(image, pixels, torch.zeros(7), None)
    repeated = registry.get_sample_value("groupnl_shadow_repeated_total", {"model": "tiny", "kind": "same"})
    assert repeated == 1
