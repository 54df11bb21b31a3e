import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skimage.data
import torch
from torch import Tensor

DATA = Path(__file__).with_name("data")


@pytest.fixture(scope="session")
def published() -> dict[str, Any]:
    """Outputs of the published code for a photograph (uint8, HWC): clean, and its middle 96 pixels corrupted."""
    with np.load(DATA / "astronaut.npz") as arrays:
        return dict(arrays)


@pytest.fixture(scope="session")
def fingerprint() -> dict[str, list[list[float]]]:
    """Of the published code on that photograph, for each corruption and severity.

    Mean shift and RMSE against the clean image, their deviations over draws, number of draws; in levels.
    """
    return json.loads((DATA / "fingerprint.json").read_text())


@pytest.fixture(scope="session")
def astronaut(published: dict[str, Any]) -> Tensor:
    return torch.from_numpy(published["astronaut"]).permute(2, 0, 1)[None].contiguous()


@pytest.fixture(scope="session")
def photographs() -> Tensor:
    """Three other photographs, 224 pixels."""
    crops = [
        skimage.data.coffee()[50:274, 150:374],
        skimage.data.chelsea()[20:244, 100:324],
        skimage.data.rocket()[100:324, 200:424],
    ]
    return torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2).contiguous()


@pytest.fixture(scope="session")
def drawings() -> Tensor:
    """Blocks of flat colours, and black on white, 224 pixels."""
    colours = np.random.default_rng(0).integers(0, 256, (14, 14, 3)).repeat(16, axis=0).repeat(16, axis=1)
    ink = np.full((224, 224, 3), 255)
    ink[60:150, 40:43] = ink[100:120, 120:190] = 0
    return torch.from_numpy(np.stack([colours, ink]).astype(np.uint8)).permute(0, 3, 1, 2).contiguous()


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """Pictures are small: on a busy machine threads would wait for one another."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
