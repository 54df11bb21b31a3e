"""groupnl.service.shadow: an image that came lately is not chosen again, and is counted."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from prometheus_client import CollectorRegistry
from support.shadows import EAGER, Count, config
from torch import Tensor

from groupnl.metrics import Metrics
from groupnl.service.items import OWN_KEY, Item
from groupnl.service.shadow import Sampler, start_shadows
from groupnl_studies.statistics import repeats
from groupnl_studies.statistics.choosing import chosen
from groupnl_studies.statistics.outcomes import paired
from groupnl_studies.statistics.paths import ever_decides

LOGITS = torch.zeros(7)


@pytest.fixture
def worker(
    packed: Path, tmp_path: Path, registry: CollectorRegistry, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Sampler]:
    """A worker whose shadows wait: nothing is answered."""
    monkeypatch.setattr("groupnl.service.shadow.loop.ShadowLoop.start", lambda _: None)
    metrics = Metrics("tiny", registry)

    def start(name: str = "tiny", **changes: object) -> Sampler:
        return start_shadows(packed, name, config(**changes), metrics, EAGER, tmp_path / "run" / "seen")

    return start


def ask(worker: Sampler, pixels: Tensor, key: str) -> None:
    worker.offer(Item({"body": b"file"}, {"x-request-key": key}), pixels, LOGITS, None)


def test_an_image_that_comes_again_is_counted_and_not_chosen(
    worker: Callable[..., Sampler], pixels: Tensor, count: Count
) -> None:
    one, other = worker(), worker()
    for key in "abc":
        ask(one, pixels[0], key)
    ask(other, pixels[0], "d")  # another worker of the model
    ask(worker(), pixels[0], "e")  # one that has come back
    ask(one, pixels[1], "a")  # the client's key says nothing
    shifted = pixels[0].clone()
    shifted[:, 5:20, 5:20] += 3
    ask(other, shifted, "f")
    assert count("groupnl_shadow_sampled_total") == 2
    assert count("groupnl_shadow_repeated_total", kind="same") == 4
    assert count("groupnl_shadow_repeated_total", kind="similar") == 1


def test_what_the_service_asks_itself_is_no_traffic(
    worker: Callable[..., Sampler], pixels: Tensor, count: Count
) -> None:
    ask(worker(), pixels[0], OWN_KEY)
    assert count("groupnl_shadow_sampled_total") == 0
    ask(worker(), pixels[0], "a")
    assert count("groupnl_shadow_sampled_total") == 1


def test_another_model_or_memory_looks_for_itself(worker: Callable[..., Sampler], pixels: Tensor, count: Count) -> None:
    ask(worker(), pixels[0], "a")
    ask(worker("other"), pixels[0], "a")
    ask(worker(remembered=100), pixels[0], "a")
    unlimited = worker(remembered=0, remembered_similar=0)
    ask(unlimited, pixels[0], "a")
    ask(unlimited, pixels[0], "a")
    assert count("groupnl_shadow_sampled_total") == 5
    assert count("groupnl_shadow_repeated_total") == 0


def test_what_is_not_chosen_by_its_key_is_not_looked_at(
    worker: Callable[..., Sampler], pixels: Tensor, count: Count, monkeypatch: pytest.MonkeyPatch
) -> None:
    def looked(_: Tensor) -> None:
        raise AssertionError("the pixels were read")

    monkeypatch.setattr("groupnl.service.shadow.sampler.fingerprint", looked)
    rarely = worker(share=1e-9)
    for key in range(100):
        rarely._offer(Item({"body": b"file"}, {"x-request-key": str(key)}), pixels[0], LOGITS, None)
    assert count("groupnl_shadow_sampled_total") == 0


def _false_verdicts(images: np.ndarray, rng: np.random.Generator) -> int:
    return sum(ever_decides(paired(images, rng)) for _ in range(100))


def test_repeats_make_false_verdicts_where_nothing_is_remembered_and_none_where_it_is() -> None:
    rng = np.random.default_rng(16)
    stream = np.arange(4000) // 20  # bursts of 20, of 200 images
    pictures = repeats.pictures(200, rng)
    everything, new = (stream[chosen(pictures, stream, same, 0)] for same in (0, 1000))
    assert len(everything) == 4000
    assert sorted(new) == list(range(200))
    assert _false_verdicts(everything, rng) > 40
    assert _false_verdicts(new, rng) <= 5
    popular = repeats.zipf(2000, 4000, rng)
    pictures = repeats.pictures(2000, rng)
    everything, new = (popular[chosen(pictures, popular, same, 0)] for same in (0, 10_000))
    assert len(set(new)) == len(new)
    assert _false_verdicts(everything, rng) > 20
    assert _false_verdicts(new, rng) <= 5
