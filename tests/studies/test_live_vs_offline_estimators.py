"""groupnl_studies.live_vs_offline: estimators on answers whose accuracy is known, and what is made of their errors."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from groupnl.corruptions.names import Cell
from groupnl.traffic.statistics import STATISTICS
from groupnl_studies.live_vs_offline.answers import Answers
from groupnl_studies.live_vs_offline.breaking import broken_table, look, withdrawal_lines
from groupnl_studies.live_vs_offline.broken import BROKEN
from groupnl_studies.live_vs_offline.estimating import write_estimates
from groupnl_studies.live_vs_offline.estimators import ESTIMATORS, NAIVE, POSTERIOR, HeldBackAnswers, Unlabelled
from groupnl_studies.live_vs_offline.judging import (
    Judged,
    Verdict,
    corruption_table,
    covered,
    halves,
    judge,
    shown,
    verdict,
    verdict_table,
)

IMAGES, CLASSES = 1200, 8
MILD, SEVERE = Cell("fog", 1), Cell("fog", 5)


@pytest.fixture(scope="module")
def answers() -> Answers:
    """Clean answers that are half as sure as they may be; corrupted ones change at random and stay as sure."""
    generator = torch.Generator().manual_seed(0)

    def noise() -> Tensor:
        return torch.randn(IMAGES, CLASSES, generator=generator)

    truth = 2 * noise()
    labels = torch.multinomial(truth.softmax(dim=1), 1, generator=generator).squeeze(1)
    clean = truth / 2
    dark = 20 * torch.nn.functional.one_hot(torch.zeros(IMAGES, dtype=torch.long), CLASSES).float()
    logits = {None: clean, MILD: clean + 0.3 * noise(), SEVERE: clean + 2 * noise(), "under-exposed": dark}
    usual = np.random.default_rng(0).random((IMAGES, len(STATISTICS))).astype(np.float32)
    statistics = {kind: usual * (0.1 if kind == "under-exposed" else 1) for kind in logits}
    return Answers(labels, logits, statistics)


def _seen(answers: Answers, cell: Cell) -> tuple[HeldBackAnswers, Unlabelled, float]:
    held_back = HeldBackAnswers(answers.clean, answers.labels)
    seen = Unlabelled(answers.clean, answers.logits[cell], held_back.temperature)
    return held_back, seen, float(answers.right(cell).double().mean())


def test_the_clean_posterior_knows_what_noise_costs(answers):
    held_back, seen, truth = _seen(answers, SEVERE)
    assert held_back.temperature == pytest.approx(0.5, rel=0.1)
    assert ESTIMATORS[POSTERIOR](held_back, seen) == pytest.approx(truth, abs=0.03)
    assert ESTIMATORS[NAIVE](held_back, seen) > truth + 0.1
    assert ESTIMATORS["CBPE"](held_back, seen) > truth + 0.1  # noise does not make it less sure


@pytest.mark.parametrize("name", [name for name in ESTIMATORS if name != NAIVE])
def test_without_corruption_all_tell_the_clean_accuracy(answers, name):
    held_back, _, _ = _seen(answers, MILD)
    clean = Unlabelled(answers.clean, answers.clean, held_back.temperature)
    assert ESTIMATORS[name](held_back, clean) == pytest.approx(held_back.accuracy, abs=0.03)


def test_halves_share_no_image():
    for held, traffic in halves(11, splits=3, seed=0):
        assert sorted([*held.tolist(), *traffic.tolist()]) == list(range(11))


def test_judging(answers):
    judged = list(judge({"any": answers}, splits=2, seed=0))
    assert len(judged) == 2 * 2 * len(ESTIMATORS)
    verdicts = {name: verdict([each for each in judged if each.estimator == name]) for name in ESTIMATORS}
    assert POSTERIOR in shown(verdicts)
    assert verdicts[POSTERIOR].error < 0.05
    assert verdicts[POSTERIOR].correlation == pytest.approx(1.0)
    assert math.isnan(verdicts[NAIVE].correlation)
    assert verdict_table(judged).splitlines()[3].startswith("| clean posterior | 0.0")
    assert corruption_table(judged).splitlines()[-1].startswith("| fog |")


def test_the_file_has_means_over_divisions(tmp_path):
    of_two = [Judged("any", 0, MILD, "CBPE", 0.5, 0.3), Judged("any", 1, MILD, "CBPE", 0.1, 0.3)]
    write_estimates(of_two, tmp_path / "estimates.csv")
    assert (tmp_path / "estimates.csv").read_text().splitlines()[1:] == ["any,fog,1,CBPE,0.3000,0.3000,0.2000"]


def test_who_is_no_better_than_the_clean_accuracy_is_not_shown():
    verdicts = {NAIVE: Verdict(0.07, 0, math.nan), "CBPE": Verdict(0.05, 0, 0.8), "ATC": Verdict(0.07, 0, 0.9)}
    assert shown(verdicts) == ["CBPE"]
    assert Judged("any", 0, MILD, "CBPE", 0.5, 0.3).error == pytest.approx(0.2)


def test_its_interval_holds(answers):
    assert covered({"any": answers}, splits=5, seed=0, pairs=100) >= 0.9


def test_dark_images_withdraw_the_estimate(answers):
    found = {each.kind: each for each in look(answers, seed=0)}
    assert not found[None].withdrawn
    assert found["under-exposed"].withdrawn
    assert found["under-exposed"].estimate > 0.9 > 0.3 > found["under-exposed"].accuracy
    table = broken_table({"any": answers}, seed=0)
    assert [line.split(" | ")[1] for line in table.splitlines()[2:]] == ["clean", "under-exposed"]
    assert "of 2 cells" in withdrawal_lines({"any": answers}, seed=0)


@pytest.mark.parametrize("name", BROKEN)
def test_broken_pixels_are_pixels(name):
    pixels = torch.randint(0, 256, (2, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    changed = BROKEN[name](pixels)
    assert (changed.shape, changed.dtype) == (pixels.shape, torch.uint8)
    assert not torch.equal(changed, pixels)
