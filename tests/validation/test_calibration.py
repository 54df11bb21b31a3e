"""groupnl.validation.calibration against arithmetic done by hand."""

import math

import pytest
import torch

from groupnl.validation.calibration import calibration, packed


def answers(*pairs: tuple[float, bool]) -> bytes:
    """Of these confidences, right or not."""
    confidence, right = zip(*pairs, strict=True)
    return packed(torch.tensor(confidence, dtype=torch.float64), torch.tensor(right))


def test_the_expected_calibration_error_has_fifteen_bins_of_equal_width() -> None:
    # 0.95 lies in the last bin, 0.55 in the ninth: |1.9 - 1| + |1.1 - 2| of four images.
    found = calibration(answers((0.95, True), (0.95, False), (0.55, True), (0.55, True)))
    assert found.ece == pytest.approx(1.8 / 4)
    # 0.9 and 0.93 lie in one bin (14 of 15), 0.94 in the next.
    assert calibration(answers((0.9, True), (0.93, False))).ece == pytest.approx(0.83 / 2)
    assert calibration(answers((0.9, True), (0.94, False))).ece == pytest.approx((0.1 + 0.94) / 2)


def test_the_area_is_the_mean_error_of_the_most_confident_answers() -> None:
    found = calibration(answers((0.6, False), (0.9, True), (0.7, True), (0.8, False)))
    assert found.aurc == pytest.approx((0 + 1 / 2 + 1 / 3 + 2 / 4) / 4)
    # Of equal confidence, in any order: one of two is wrong, then one of three.
    alike = [(0.9, True), (0.9, False), (0.5, True)]
    for pairs in (alike, alike[::-1]):
        assert calibration(answers(*pairs)).aurc == pytest.approx((0.5 + 0.5 + 1 / 3) / 3)
    assert calibration(answers((0.5, True), (0.6, True))).aurc == 0
    assert calibration(answers((0.5, False))).aurc == 1


def test_the_rms_error_has_bins_of_a_hundred_images_by_confidence() -> None:
    low, high = [(0.25, True)] * 100, [(0.875, False)] * 100
    assert calibration(answers(*high, *low)).rms == pytest.approx(math.sqrt((0.75**2 + 0.875**2) / 2))
    # Fifty more belong to the last bin.
    more = calibration(answers(*high, *low, *[(1.0, True)] * 50))
    last = (100 * 0.875 + 50 * 0) / 150
    assert more.rms == pytest.approx(math.sqrt((100 * 0.75**2 + 150 * last**2) / 250))
    assert calibration(answers((0.5, True), (1.0, False))).rms == pytest.approx(0.25)  # fewer than one bin


def test_answers_of_equal_confidence_have_no_order() -> None:
    assert calibration(answers(*[(0.5, number % 2 == 0) for number in range(1000)])).rms == 0
    # Two bins, and the tie of 0.5 reaches from one into the other: three quarters of its answers are right.
    found = calibration(answers(*[(0.25, True)] * 80, *[(0.5, number % 4 != 0) for number in range(120)]))
    bins = ((80 * 0.75 + 20 * 0.25) / 100, 0.25)
    assert found.rms == pytest.approx(math.sqrt(sum(gap**2 for gap in bins) / 2))


def test_pieces_are_joined_in_any_order() -> None:
    generator = torch.Generator().manual_seed(0)
    pieces = [
        packed(torch.rand(size, generator=generator, dtype=torch.float64), torch.rand(size, generator=generator) < 0.5)
        for size in (64, 1, 200)
    ]
    assert calibration(b"".join(pieces)) == calibration(b"".join(pieces[::-1]))
