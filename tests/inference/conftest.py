"""What tests of inference share."""

from collections.abc import Callable, Iterator

import pytest
import torch

from groupnl.inference.native import build as native
from groupnl.inference.native.operators import tell_shapes


@pytest.fixture
def threads() -> Iterator[Callable[[int], None]]:
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


@pytest.fixture(scope="session", params=native.VARIANTS, ids=lambda variant: variant.name)
def kernels(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> native.Variant:
    """Each variant that this machine can run, compiled and loaded once for all tests."""
    variant: native.Variant = request.param
    if not variant.is_supported():
        pytest.skip(f"this machine lacks the instructions of {variant.name}")
    native.load(native.build(tmp_path_factory.mktemp("kernel"), variant))
    tell_shapes(variant.namespace)
    return variant
