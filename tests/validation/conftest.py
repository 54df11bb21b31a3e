"""What the tests of the command share: torch's threads as before, and a tree in ImageNet-C's layout."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from support.colours import solid
from support.validation_runs import WRONG

from groupnl.corruptions import NAMES


@pytest.fixture(autouse=True)
def threads_as_before() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All 95 folders of ImageNet-C, with four images each."""
    folder = tmp_path_factory.mktemp("imagenet_c")
    for place, name in enumerate(NAMES):
        for severity in range(1, 6):
            count = WRONG[place % 3][severity - 1]
            solid(folder / name / str(severity), {"green": ["cyan"] * count + ["green"] * (4 - count)})
    return folder
