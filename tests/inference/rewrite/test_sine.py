import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from groupnl.inference.rewrite.sine import MAX_BOUND, odd_polynomial, reduce_phase

SCALED = torch.linspace(-1, 1, 20001)


@pytest.mark.parametrize("bound", [0.01, 0.5, 1.0, 2.0, math.pi, 2 + math.pi / 2, MAX_BOUND])
def test_the_polynomial_is_the_sine_as_far_as_float32_goes(bound: float) -> None:
    polynomial = odd_polynomial(bound)
    assert polynomial is not None
    error = (polynomial(SCALED).double() - torch.sin(SCALED.double() * bound)).abs()
    assert error.max() < 2e-6
    assert error[SCALED.abs() < 0.5].max() < 3e-7


def test_a_wider_interval_takes_more_terms() -> None:
    terms = [len(polynomial.coefficients) for bound in (0.5, 2.0, 4.0) if (polynomial := odd_polynomial(bound))]
    assert terms == sorted(terms)
    assert len(set(terms)) == 3


def test_no_coefficient_is_so_small_that_an_exporter_takes_it_for_zero() -> None:
    polynomial = odd_polynomial(2 + math.pi / 2)
    assert polynomial is not None
    assert min(abs(value) for value in polynomial.coefficients) > 1e-6


def test_an_interval_too_wide_has_no_polynomial() -> None:
    assert odd_polynomial(MAX_BOUND * 1.01) is None


@given(
    period=st.floats(-3, 3, allow_nan=False),
    phase=st.floats(-50, 50, allow_nan=False),
    seed=st.floats(-1, 1, allow_nan=False),
)
def test_a_reduced_phase_gives_the_same_sine(period: float, phase: float, seed: float) -> None:
    periods, phases = torch.tensor([period, 1.0]).double(), torch.tensor([phase, 0.0]).double()
    reduced = reduce_phase(periods, phases)
    assert float(reduced.phase.abs().max()) <= math.pi / 2 + 1e-12
    arguments = periods * seed + reduced.phase
    assert float(arguments.abs().max()) <= reduced.bound + 1e-12
    torch.testing.assert_close(
        reduced.sign * torch.sin(arguments), torch.sin(periods * seed + phases), rtol=0, atol=1e-12
    )
