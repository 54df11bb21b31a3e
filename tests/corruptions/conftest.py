import json
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
    """Two other photographs, 224 pixels."""
    crops = [skimage.data.coffee()[50:274, 150:374], skimage.data.chelsea()[20:244, 100:324]]
    return torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2).contiguous()
