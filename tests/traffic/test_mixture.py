"""groupnl.traffic.mixture: shares of corruptions from looks that err."""

import numpy as np
import pytest
from support.offline_record import offline_record

from groupnl.corruptions.names import CELLS, NAMES, Cell
from groupnl.metrics import NONE
from groupnl.robustness.record import RobustnessRecord
from groupnl.traffic.estimated import estimate
from groupnl.traffic.mixture import FIGURES, KINDS, LEAST_WEIGHT, figure_weights, share_weights
from groupnl.traffic.record import LOOKS

PER_CELL, CLEAN = 400, 4000
RIGHT = (0.5, 0.6, 0.7, 0.8, 0.9)  # by severity
MISSED = (0.3, 0.15, 0.05, 0.02, 0.01)  # look clean


def rates() -> np.ndarray:
    """Looks of each cell: right, clean, the next corruption, or anything."""
    found = np.full((len(LOOKS), len(LOOKS)), 0.0)
    found[0, 0], found[0, 1:] = 0.9, 0.1 / len(CELLS)
    for place, cell in enumerate(CELLS, 1):
        right, missed = RIGHT[cell.severity - 1], MISSED[cell.severity - 1]
        found[place] = (1 - right - missed) / 2 / len(LOOKS)
        found[place, place] += right
        found[place, 0] += missed
        found[place, 1 + place % len(CELLS)] += (1 - right - missed) / 2
    return found / found.sum(axis=1, keepdims=True)


@pytest.fixture(scope="module")
def confusion() -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.stack([rng.multinomial(PER_CELL if place else CLEAN, row) for place, row in enumerate(rates())])


def record(cells: tuple[Cell, ...] = CELLS) -> RobustnessRecord:
    return offline_record(lambda c: (100 * c.severity, 500 - 80 * c.severity), cells, images=1000, clean_correct=500)


def shares_of(looks: np.ndarray, weights: dict[str, dict[str, float]]) -> dict[str, float]:
    """What infinitely many images with these looks, (96,), are said to be."""
    by_kind = dict(zip(KINDS, np.add.reduceat(looks, [0, *range(1, 96, 5)]), strict=True))
    return {kind: sum(by_kind[look] * weight for look, weight in of.items()) for kind, of in weights.items()}


def test_clean_traffic_is_said_to_be_clean(confusion):
    found = shares_of(rates()[0], share_weights(confusion))
    assert found.pop(NONE) == pytest.approx(1, abs=0.02)
    assert max(map(abs, found.values())) < 0.01


@pytest.mark.parametrize("name", NAMES)
def test_a_tenth_of_a_corruption_is_said_to_be_a_tenth(confusion, name):
    place = 1 + CELLS.index(Cell(name, 3))
    found = shares_of(0.9 * rates()[0] + 0.1 * rates()[place], share_weights(confusion))
    assert found[name] == pytest.approx(0.1, abs=0.03)
    assert max(NAMES, key=lambda each: found[each]) == name


def test_small_weights_are_left_out(confusion):
    weights = [weight for of in share_weights(confusion).values() for weight in of.values()]
    assert min(map(abs, weights)) >= LEAST_WEIGHT
    assert len(weights) < len(KINDS) ** 2


def test_figures_are_those_of_the_cell(confusion):
    measured = record()
    weights = figure_weights(confusion, measured)
    assert tuple(weights) == FIGURES
    accuracy, agreement = ([of[look] for look in LOOKS] for of in weights.values())
    assert rates()[0] @ accuracy == pytest.approx(0.5, abs=0.02)
    assert rates()[0] @ agreement == pytest.approx(1.0, abs=0.02)
    for place, cell in enumerate(CELLS, 1):
        figures = measured.figures()[cell]
        assert rates()[place] @ accuracy == pytest.approx(figures.correct / 1000, abs=0.1)
        assert rates()[place] @ agreement == pytest.approx(1 - figures.flips / 1000, abs=0.12)


def test_what_was_not_measured_is_not_expected(confusion):
    assert figure_weights(confusion, record(CELLS[:-1])) == {}


def test_intervals_of_shares_cover(confusion):
    rng = np.random.default_rng(1)
    weights, share, images = share_weights(confusion), 0.1, 400
    covered = []
    for name in NAMES:
        cells = [1 + CELLS.index(Cell(name, severity)) for severity in range(1, 6)]
        looks = (1 - share) * rates()[0] + share * rates()[cells].mean(axis=0)
        for row in rng.multinomial(images, looks, 30):
            counts = dict(zip(KINDS, np.add.reduceat(row, [0, *range(1, 96, 5)]).tolist(), strict=True))
            found = estimate(counts, weights[name], CLEAN)
            covered.append(found is not None and found.low <= share <= found.high)
    assert np.mean(covered) >= 0.93
