"""groupnl.traffic.answer_ranks: ranks of what is alike spread evenly."""

import numpy as np
import pytest
import torch
from scipy import stats
from support.traffic import tiny_record

from groupnl.traffic.answer_ranks import AnswerRanks, bucket_rank


def test_ranks_of_what_is_alike_are_spread_evenly():
    rng = np.random.default_rng(0)
    bounds, counts = (0.2, 0.5, 1.0), (10, 70, 20)
    values = rng.choice([0.1, 0.4, 0.9], 5000, p=[0.1, 0.7, 0.2])
    ranks = [bucket_rank(value, bounds, counts, draw) for value, draw in zip(values, rng.random(5000), strict=True)]
    assert stats.ks_1samp(ranks, stats.uniform.cdf).pvalue > 0.01


def test_the_ends():
    assert bucket_rank(0.9, (0.5, 1.0), (10, 30), draw=1.0) == 1.0
    assert bucket_rank(1.0000001, (0.5, 1.0), (10, 30), draw=1.0) == 1.0
    assert bucket_rank(0.1, (0.5, 1.0), (10, 30), draw=0.0) == 0.0
    assert bucket_rank(0.6, (0.5, 1.0), (40, 0), draw=0.5) == 1.0


def test_a_sure_answer_among_sure_and_unsure_ones():
    record = tiny_record(confidence=(0, 0, 0, 20, 0, 0, 0, 0, 0, 20), entropy=(20, 0, 0, 0, 0, 0, 0, 0, 0, 20))
    ranks = AnswerRanks(record)
    sure, unsure = torch.tensor([1.0, 0.0, 0.0, 0.0]), torch.tensor([0.25, 0.25, 0.25, 0.25])
    confidence, entropy = ranks.ranks(sure)
    assert confidence >= 0.5
    assert entropy <= 0.5
    confidence, entropy = ranks.ranks(unsure)
    assert confidence == pytest.approx(0.0)
    assert entropy >= 0.5
