"""What the kernel that follows a seed convolution computes, beside the formula in float64 and the portable form."""

from collections.abc import Callable
from typing import NamedTuple

import pytest
import torch
import torch.nn.functional as F
from support.kernels import ACTIVATIONS
from torch import Tensor, nn

from groupnl.inference.native import build as native
from groupnl.inference.rewrite.fused import FusedGroupNL
from groupnl.inference.rewrite.native_layer import FinishedGroupNL
from groupnl.layers import GroupNLConv2d

pytestmark = pytest.mark.slow

# What a result may be off by: bfloat16 rounds to one part in 256; beside that only what float32 sums lose.
TOLERANCES = {torch.bfloat16: {"rtol": 4.2e-3, "atol": 1e-4}, torch.float32: {"rtol": 2e-6, "atol": 1e-5}}


class Ending(NamedTuple):
    """Arguments of the kernel behind its input."""

    scale: Tensor
    shift: Tensor
    polynomials: Tensor
    sources: Tensor
    activation: str


def ending(seeds: int, generated: int, activation: str = "none", degree: int = 7) -> Ending:
    torch.manual_seed(seeds)
    return Ending(
        scale=torch.randn(seeds) * 3,
        shift=torch.randn(seeds),
        polynomials=torch.randn(degree + 1, generated),
        sources=torch.randint(seeds, (generated,), dtype=torch.int32),
        activation=activation,
    )


def seeds_of(batch: int, seeds: int, height: int, width: int) -> Tensor:
    torch.manual_seed(height * 100 + width)
    return torch.randn(batch, seeds, height, width).bfloat16().contiguous(memory_format=torch.channels_last)


Run = Callable[[Tensor, Ending], Tensor]


@pytest.fixture
def run(kernels: native.Variant) -> Run:
    """Runs a variant on bfloat16 numbers, each in its own dtype."""

    def run_variant(x: Tensor, ending: Ending) -> Tensor:
        result: Tensor = kernels.operators.finish_layer(x.to(kernels.dtype), *ending)
        assert result.dtype == kernels.dtype
        return result

    return run_variant


def assert_right(run: Run, x: Tensor, ending: Ending) -> None:
    v = F.normalize(x.double(), dim=1, eps=1e-12)
    scale, shift, *powers = (row.double().view(-1, 1, 1) for row in (ending.scale, ending.shift, *ending.polynomials))
    source = v[:, ending.sources.long()]
    wave = sum((coefficient * source**power for power, coefficient in enumerate(powers)), torch.zeros_like(source))
    expected = ACTIVATIONS[ending.activation](torch.cat([v * scale + shift, wave], 1))
    found = run(x, ending)
    assert found.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(found.double(), expected, **TOLERANCES[found.dtype])


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_it_is_the_formula(run: Run, activation: str) -> None:
    assert_right(run, seeds_of(2, 24, 13, 14), ending(24, 72, activation))


@pytest.mark.parametrize("seeds", [1, 2, 15, 16, 17, 31, 32, 33, 100])
@pytest.mark.parametrize("generated", [1, 16, 47])
def test_any_number_of_channels(run: Run, seeds: int, generated: int) -> None:
    assert_right(run, seeds_of(1, seeds, 5, 9), ending(seeds, generated))


@pytest.mark.parametrize("width", range(1, 18))
def test_any_width(run: Run, width: int) -> None:
    assert_right(run, seeds_of(3, 20, 1, width), ending(20, 60))


@pytest.mark.parametrize("degree", [0, 1, 12])
def test_any_degree(run: Run, degree: int) -> None:
    assert_right(run, seeds_of(1, 18, 6, 10), ending(18, 18, degree=degree))


def test_zeros_have_no_direction(run: Run) -> None:
    plain = ending(20, 60)
    found = run(torch.zeros_like(seeds_of(1, 20, 9, 9)), plain)
    expected = torch.cat([plain.shift, plain.polynomials[0]]).to(found.dtype)
    assert torch.equal(found, expected.view(1, -1, 1, 1).expand_as(found))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_number_that_is_none_stays_in_its_pixel(run: Run, value: float) -> None:
    x, plain = seeds_of(1, 20, 5, 5), ending(20, 60, "relu")
    broken = x.clone(memory_format=torch.preserve_format)
    broken[0, 3, 2, 2] = value
    here = torch.zeros(5, 5, dtype=torch.bool)
    here[2, 2] = True
    found = run(broken, plain)
    assert torch.equal(found[..., ~here], run(x, plain)[..., ~here])
    assert found[:, 3, here].isnan().all()


def test_threads_and_neighbours_change_nothing(run: Run, threads: Callable[[int], None]) -> None:
    x, plain = seeds_of(4, 32, 28, 27), ending(32, 96, "silu")
    threads(1)
    alone = torch.cat([run(one, plain) for one in torch.split(x, 1)])
    for count in (1, 2, 3):
        threads(count)
        assert torch.equal(run(x, plain), alone)


def test_any_memory_order(run: Run) -> None:
    x, plain = seeds_of(2, 20, 6, 10), ending(20, 60)
    assert torch.equal(run(x.contiguous(), plain), run(x, plain))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"activation": "gelu"}, "no activation 'gelu'"),
        ({"scale": torch.zeros(40)}, "scale must be float32"),
        ({"polynomials": torch.zeros(0, 60)}, "degree \\+ 1"),
        ({"sources": torch.zeros(60)}, "sources must be int32"),
        ({"sources": torch.full((60,), 20, dtype=torch.int32)}, "source 20 of map 0 is none of the 20 seeds"),
        ({"sources": torch.full((60,), -1, dtype=torch.int32)}, "source -1"),
    ],
)
def test_wrong_arguments_are_told(run: Run, changes: dict[str, object], told: str) -> None:
    with pytest.raises(RuntimeError, match=told):
        run(seeds_of(1, 20, 6, 6), ending(20, 60)._replace(**changes))  # type: ignore[arg-type]


def test_compilers_know_the_shape(kernels: native.Variant) -> None:
    arguments = (seeds_of(2, 20, 9, 14).to(kernels.dtype), *ending(20, 60))
    torch.library.opcheck(kernels.operators.finish_layer.default, arguments)


@pytest.mark.parametrize("options", [{}, {"ratio": 4}, {"ratio": 4, "num_terms": 2, "bias": True}, {"stride": 2}])
def test_a_dense_layer_is_its_portable_form(kernels: native.Variant, options: dict[str, object]) -> None:
    torch.manual_seed(0)
    layer = GroupNLConv2d(16, 32, kernel_size=3, padding=1, **options)  # type: ignore[arg-type]
    fused = FusedGroupNL(layer, torch.rand(32) + 0.5, torch.randn(32), nn.ReLU())
    x = torch.randn(2, 16, 9, 11)
    with torch.inference_mode():
        expected, found = fused(x), FinishedGroupNL(fused, kernels)(x).float()
    # In bfloat16 the rounding of the seeds and of the result differs, and the polynomial's 1e-4.
    error = 8e-3 if kernels.dtype == torch.bfloat16 else 2e-6
    torch.testing.assert_close(found, expected, rtol=error, atol=error * float(expected.abs().max()))
