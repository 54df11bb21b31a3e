"""groupnl.service.shadow.pace: what waits is answered in time, and what is chosen is an even sample of the traffic."""

import time
from collections.abc import Callable

import numpy as np
import pytest
from prometheus_client import CollectorRegistry
from support.shadows import CPU, PAIRS_DONE, Count, config, job
from support.waiting import until
from torch import Tensor

from groupnl.archive.shadow_config import ShadowConfig
from groupnl.inference.engines.torch_engine import TorchEngine
from groupnl.metrics import Metrics
from groupnl.robustness.sampling import is_sampled
from groupnl.service.shadow.counts import ShadowCounts
from groupnl.service.shadow.loop import ShadowLoop
from groupnl.service.shadow.pace import Pace
from groupnl.service.shadow.runner import LocalRunner
from groupnl_studies.statistics import load


@pytest.mark.parametrize(
    ("pair_s", "room", "batch"), [(0.01, 64, 8), (0.9375, 64, 8), (2.0, 30, 7), (20.0, 3, 1), (600.0, 1, 1)]
)
def test_no_more_wait_than_are_answered_in_time(pair_s: float, room: int, batch: int) -> None:
    pace = Pace(ShadowConfig())
    assert (pace.room, pace.batch_size) == (64, 8)
    pace.answered(8, 8 * pair_s)
    assert (pace.room, pace.batch_size) == (room, batch)


def test_what_a_pair_takes_follows_the_machine() -> None:
    pace = Pace(ShadowConfig())
    pace.answered(1, 600.0)
    for _ in range(100):
        pace.answered(8, 0.1)
    assert pace.room == 64


def test_the_share_is_lowered_once_a_minute_and_grows_back_in_hours() -> None:
    pace = Pace(ShadowConfig(share=0.2))
    assert pace.share(0.0) == 0.2
    pace.found_no_room(0.0)
    assert pace.share(1.0) == 0.2  # the shadow process is still loading
    pace.answered(1, 1.0)
    for now in range(100, 160):
        pace.found_no_room(float(now))
    assert pace.share(160.0) == pytest.approx(0.14, rel=0.01)
    pace.found_no_room(160.0)
    assert pace.share(160.0) == pytest.approx(0.098, rel=0.01)
    assert pace.share(160.0 + 3600) < 0.12
    assert pace.share(160.0 + 4 * 3600) == pytest.approx(0.196, rel=0.01)
    assert pace.share(1e12) == 0.2


def test_what_there_is_no_time_for_is_not_chosen_and_counted(registry: CollectorRegistry, count: Count) -> None:
    settings = config(share=0.5, queue_length=2)
    counts = ShadowCounts(Metrics("tiny", registry), None, settings.cells())
    shadow = ShadowLoop(LocalRunner(None, None, CPU), settings, counts, None)  # type: ignore[arg-type]  # not started
    keys = [f"request {number}" for number in range(1000)]
    before = [key for key in keys if shadow.wants(key)]
    assert before == [key for key in keys if is_sampled(key, 0.5)]
    shadow._pace.answered(1, 0.1)
    shadow._pace.found_no_room(time.monotonic())
    after = [key for key in keys if shadow.wants(key)]
    assert after == [key for key in keys if is_sampled(key, 0.35)]  # some of those, so that replicas choose alike
    assert count("groupnl_shadow_thinned_total") == len(before) - len(after)


def test_an_image_without_room_is_dropped_and_fewer_are_chosen(
    engine: TorchEngine, pixels: Tensor, registry: CollectorRegistry, count: Count
) -> None:
    settings = config(max_lag_s=10)
    counts = ShadowCounts(Metrics("tiny", registry), None, settings.cells())
    shadow = ShadowLoop(LocalRunner(engine, None, CPU), settings, counts, None)  # not started: what is offered waits
    shadow._pace.answered(1, 4.0)
    for image in pixels[:5]:
        shadow.offer(job(engine, image))
    assert count("groupnl_shadow_dropped_total", reason="queue_full") == 3
    assert shadow._pace.share(time.monotonic()) == pytest.approx(0.7, rel=0.01)
    assert count("groupnl_shadow_sampled_total") == 5


def test_what_a_pair_takes_is_told_with_the_rest_after_it(
    engine: TorchEngine, pixels: Tensor, begin: Callable[..., ShadowLoop], count: Count
) -> None:
    class _Slow(LocalRunner):
        def run(self, *args: object) -> list:  # type: ignore[override, type-arg]
            time.sleep(0.1)
            return super().run(*args)  # type: ignore[arg-type]

    shadow = begin(_Slow(engine, None, CPU), config(time_share=0.5, batch_size=1))
    for image in pixels[:3]:
        shadow.offer(job(engine, image))
    until(lambda: count(PAIRS_DONE) == 3)
    assert count("groupnl_shadow_pair_seconds_sum") >= 0.6


def test_pairs_of_bursty_traffic_are_of_quiet_minutes_unless_fewer_are_chosen() -> None:
    traffic = load.bursts(2, np.random.default_rng(16))
    errors = []
    for is_thinned in (False, True):
        answered, dropped = load.through(Pace(ShadowConfig()), traffic, is_thinned=is_thinned)
        errors.append(traffic.kept[answered].mean() - traffic.kept.mean())
        assert (dropped / (dropped + len(answered)) > 0.05) is not is_thinned
    assert errors[0] > 0.012
    assert abs(errors[1]) < 0.009  # three standard errors of 20,000 pairs
