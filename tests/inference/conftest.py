"""What tests of inference share."""

from collections.abc import Callable, Iterator
from functools import cache

import pytest
import torch

from groupnl.inference.native import build as native
from groupnl.inference.native.operators import tell_shapes


@pytest.fixture
def threads() -> Iterator[Callable[[int], None]]:
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Callable[[native.Variant], native.Variant]:
    """Compiles and loads a variant that this machine can run, once for all tests."""

    @cache
    def built(variant: native.Variant) -> native.Variant:
        native.load(native.build(tmp_path_factory.mktemp("kernel"), variant))
        tell_shapes(variant.namespace)
        return variant

    def supported(variant: native.Variant) -> native.Variant:
        if not variant.is_supported():
            pytest.skip(f"this machine lacks the instructions of {variant.name}")
        return built(variant)

    return supported


@pytest.fixture(scope="session", params=native.VARIANTS, ids=lambda variant: variant.name)
def kernels(request: pytest.FixtureRequest, ready: Callable[[native.Variant], native.Variant]) -> native.Variant:
    """Each variant that this machine can run."""
    return ready(request.param)


_OF_FLOAT32 = [variant for variant in native.VARIANTS if variant.dtype == torch.float32]


@pytest.fixture(scope="session", params=_OF_FLOAT32, ids=lambda variant: variant.name)
def float32_kernels(
    request: pytest.FixtureRequest, ready: Callable[[native.Variant], native.Variant]
) -> native.Variant:
    """Those of float32."""
    return ready(request.param)
