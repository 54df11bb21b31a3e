"""groupnl.inference.engines.fixed_sizes: which sizes are prepared, which one runs a batch, and what hinders them."""

import logging

import pytest
import torch
from torch import Tensor

from groupnl.inference.engines import fixed_sizes as module
from groupnl.inference.engines.fixed_sizes import Failures, FixedSizes, Run, fixed_sizes


@pytest.fixture(autouse=True)
def failures(monkeypatch: pytest.MonkeyPatch) -> Failures:
    failures = Failures()
    monkeypatch.setattr(module, "FAILURES", failures)
    return failures


def _mean(pixels: Tensor) -> Tensor:
    return pixels.float().mean(dim=(2, 3))


class Workbench:
    """Prepares sizes; `faults` are raised for some."""

    def __init__(self, faults: dict[int, Exception] | None = None) -> None:
        self.prepared: list[int] = []
        self.faults = faults or {}

    def __call__(self, size: int) -> Run:
        self.prepared.append(size)
        if size in self.faults:
            raise self.faults[size]
        return lambda pixels: _mean(pixels)


@pytest.fixture
def fixed() -> FixedSizes:
    return FixedSizes("a graph", 8)


@pytest.mark.parametrize(
    ("max_batch", "sizes"),
    [
        (1, [1]),
        (2, [2, 1]),
        (3, [3, 2, 1]),
        (8, [8, 4, 2, 1]),
        (24, [24, 16, 8, 4, 2, 1]),
        (256, [64, 32, 16, 8, 4, 2, 1]),
    ],
)
def test_powers_of_two_and_the_largest_the_largest_first(max_batch: int, sizes: list[int]) -> None:
    assert fixed_sizes(max_batch) == sizes


def test_a_batch_runs_in_the_smallest_size_that_holds_it(fixed: FixedSizes, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    assert fixed.find(1) is None
    fixed.add_up_to(8, lambda size: lambda pixels: _mean(pixels).add(size * 1e-6), _mean)
    assert fixed.sizes == [1, 2, 4, 8]
    assert "a graph for batches of 1, 2, 4, 8" in caplog.text
    nothing = torch.zeros(1, 3, 8, 8, dtype=torch.uint8)
    found = [fixed.find(images) for images in range(1, 9)]
    assert [round(float(run(nothing)[0, 0]) * 1e6) for run in found if run is not None] == [1, 2, 4, 4, 8, 8, 8, 8]
    assert fixed.find(9) is None


def test_what_was_tried_is_not_tried_again(fixed: FixedSizes) -> None:
    workbench = Workbench({4: torch.OutOfMemoryError("full")})
    fixed.add_up_to(4, workbench, _mean)
    fixed.add_up_to(4, workbench, _mean)
    assert workbench.prepared == [4, 2, 1]
    fixed.add_up_to(8, workbench, _mean)
    assert workbench.prepared == [4, 2, 1, 8]


def test_what_the_memory_does_not_hold_is_left_out(
    fixed: FixedSizes, failures: Failures, caplog: pytest.LogCaptureFixture
) -> None:
    full = torch.OutOfMemoryError("CUDA out of memory")
    fixed.add_up_to(8, Workbench({8: full, 4: full}), _mean)
    assert fixed.sizes == [1, 2]
    assert fixed.find(3) is None
    assert failures.count == 2
    assert "there is not a graph for batches of 8, they run without; smaller sizes are tried" in caplog.text


def test_after_any_other_fault_nothing_more_is_tried(
    fixed: FixedSizes, failures: Failures, caplog: pytest.LogCaptureFixture
) -> None:
    workbench = Workbench({8: RuntimeError("operation not permitted when stream is capturing")})
    fixed.add_up_to(8, workbench, _mean)
    assert (workbench.prepared, fixed.sizes, failures.count) == ([8], [], 1)
    assert "no smaller size is tried: RuntimeError: operation not permitted" in caplog.text
    fixed.add_up_to(8, workbench, _mean)
    assert workbench.prepared == [8]


@pytest.mark.parametrize("wrong", [0.0, float("nan")])
def test_what_answers_otherwise_is_not_used(
    wrong: float, fixed: FixedSizes, failures: Failures, caplog: pytest.LogCaptureFixture
) -> None:
    fixed.add_up_to(2, lambda size: lambda pixels: _mean(pixels) * wrong, _mean)
    assert (fixed.sizes, failures.count) == ([], 1)
    assert "its logits are others than without it" in caplog.text


def test_what_fails_without_being_prepared_is_not_prepared(fixed: FixedSizes, failures: Failures) -> None:
    def usual(pixels: Tensor) -> Tensor:
        if len(pixels) > 2:
            raise torch.OutOfMemoryError("full")
        return _mean(pixels)

    workbench = Workbench()
    fixed.add_up_to(4, workbench, usual)
    assert (workbench.prepared, fixed.sizes, failures.count) == ([2, 1], [1, 2], 1)
