"""groupnl.service.shadow.traffic_counts and observer: what chosen images look like is counted, and what is expected."""

import time

import pytest
import torch
from PIL import Image
from prometheus_client import CollectorRegistry
from support.pictures import encode, scene
from support.shadows import Count
from support.traffic import noisy_images, tiny_record, tiny_traffic

from groupnl.corruptions import CELLS, Cell
from groupnl.metrics import CLEAN, Metrics
from groupnl.robustness.compare import NO_CLASS
from groupnl.service.shadow.batch import Expected, Result
from groupnl.service.shadow.job import Job
from groupnl.service.shadow.observer import TrafficObserver
from groupnl.service.shadow.traffic_counts import TrafficCounts
from groupnl.traffic.drift import ANSWER_STATISTICS
from groupnl.traffic.onlooker import Look
from groupnl.traffic.statistics import STATISTICS

RANKS = tuple(place / 10 for place in range(len(STATISTICS)))
FOG = Cell("fog", 3)


def _job(file: bytes) -> Job:
    return Job("key", torch.zeros(3, 8, 8, dtype=torch.uint8), torch.tensor([0.75, 0.25]), None, time.monotonic(), file)


def _result(look: Look | None = None, expected: Expected | None = None) -> Result:
    return Result(0, None, None, look, expected)


def test_looks_ranks_and_what_is_expected(registry: CollectorRegistry, count: Count) -> None:
    counts = TrafficCounts(Metrics("tiny", registry), CELLS, tiny_record())
    assert count("groupnl_traffic_looks_total") == count("groupnl_shadow_expected_correct_total") == 0
    counts.pair(_job(b""), FOG, _result(Look(None, RANKS), Expected(0.75, 0.5)))
    counts.pair(_job(b""), FOG, _result(Look(Cell("snow", 2), RANKS), Expected(0.25, 0.125)))
    assert count("groupnl_traffic_looks_total", **CLEAN) == 1
    assert count("groupnl_traffic_looks_total", corruption="snow", severity="2") == 1
    assert count("groupnl_traffic_rank_sum", statistic=STATISTICS[3]) == pytest.approx(0.6)
    assert count("groupnl_traffic_rank_count") == 2 * (len(STATISTICS) + len(ANSWER_STATISTICS))
    assert count("groupnl_traffic_rank_count", statistic="confidence") == 2
    assert count("groupnl_shadow_expected_correct_total", **CLEAN) == 1
    assert count("groupnl_shadow_expected_correct_total", corruption="fog", severity="3") == 0.625


def test_files(registry: CollectorRegistry, count: Count) -> None:
    counts = TrafficCounts(Metrics("tiny", registry), CELLS, None)
    image, exif = Image.fromarray(scene(300, 200)), Image.Exif()
    exif[0x0112] = 6
    for file in (encode(image, "JPEG", quality=83, exif=exif), encode(image, "PNG"), b"", b"no image"):
        counts.pair(_job(file), FOG, _result())
    assert count("groupnl_traffic_files_total", format="jpeg", exif="yes") == 1
    assert count("groupnl_traffic_files_total", format="png", exif="no") == 1
    assert count("groupnl_traffic_files_total") == count("groupnl_traffic_side_pixels_count") == 2
    assert count("groupnl_traffic_side_pixels_sum") == 600
    assert count("groupnl_traffic_jpeg_quality_count") == 1
    assert count("groupnl_traffic_jpeg_quality_sum") == 83
    with pytest.raises(AssertionError, match="no sample"):  # nobody knows what they are like
        count("groupnl_traffic_looks_total")


def test_the_observer_expects_by_the_calibrated_clean_answer() -> None:
    traffic = tiny_traffic(temperature=2.0)
    observer = TrafficObserver(traffic)
    clean = torch.tensor([[0.9, 0.1, 0.0], [0.2, 0.3, 0.5], [0.6, 0.3, 0.1]])
    roots = clean.sqrt() / clean.sqrt().sum(dim=1, keepdim=True)
    found = observer.expect(clean, [0, 1, NO_CLASS])
    wanted = [(roots[0, 0], roots[0, 0]), (roots[1, 2], roots[1, 1]), (roots[2, 0], 0.0)]
    for expected, (whole, corrupted) in zip(found, wanted, strict=True):
        assert expected == pytest.approx((float(whole), float(corrupted)), abs=1e-6)
    looks = observer.look(noisy_images(3, 32))
    assert [len(look.ranks) for look in looks] == [len(STATISTICS)] * 3
