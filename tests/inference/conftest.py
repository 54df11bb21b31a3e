"""What tests of inference share."""

from collections.abc import Callable, Iterator

import pytest
import torch

from groupnl.inference.native import build as native


@pytest.fixture
def threads() -> Iterator[Callable[[int], None]]:
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def native_kernels(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Compiled and loaded, once for all tests."""
    native.load(native.build(tmp_path_factory.mktemp("kernel")))
