"""A service whose archive knows what held-back images are like: what it tells, counts and serves."""

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from prometheus_client import CollectorRegistry
from support.offline_record import offline_record
from support.pictures import encode, scene
from support.shadows import PAIRS_DONE, Count
from support.traffic import tiny_traffic
from support.waiting import until

from groupnl.errors import ArchiveError, ConfigError
from groupnl.metrics import Metrics
from groupnl.robustness.record import ROBUSTNESS_FILE, write_record
from groupnl.service import loading
from groupnl.service.items import KEY_HEADER, OWN_KEY, Item
from groupnl.service.loading import load_service
from groupnl.service.service import Service
from groupnl.traffic.file import TRAFFIC_FILE, Traffic, write_traffic
from groupnl.traffic.mixture import share_weights

FILE = encode(Image.fromarray(scene()), "JPEG", quality=80)
Load = Callable[..., Service]


@pytest.fixture
def traffic() -> Traffic:
    return tiny_traffic(("grey", "red", "green"), size=64, temperature=2.0)


@pytest.fixture
def load(own_copy: Path, registry: CollectorRegistry, monkeypatch: pytest.MonkeyPatch) -> Load:
    registries = iter([registry])

    def start(share: float = 0.0, **handler: object) -> Service:
        metrics = Metrics("tiny", next(registries, CollectorRegistry()))  # the first service's are looked at
        monkeypatch.setattr(loading, "worker_metrics", lambda _: metrics)
        shadow = {"share": share, "time_share": 1.0, "corruptions": ["contrast"]}
        return load_service(own_copy, "tiny", {"handler": {"device": "cpu", "shadow": shadow, **handler}})

    return start


def test_what_is_expected_is_told(load: Load, own_copy: Path, traffic: Traffic, count: Count) -> None:
    write_traffic(traffic, own_copy / TRAFFIC_FILE)
    load()
    assert count("groupnl_expected_images") == 40
    assert count("groupnl_calibration_error_ratio", calibrated="no", served="yes") == traffic.record.ece
    assert count("groupnl_calibration_error_ratio", calibrated="yes", served="no") == traffic.record.ece_calibrated
    assert count("groupnl_expected_confidence_ratio", le="0.9") == 0
    assert count("groupnl_expected_confidence_ratio", le="1.0") == 1
    assert count("groupnl_expected_entropy_ratio", le="0.1") == 1
    assert count("groupnl_expected_predicted_ratio", **{"class": "grey"}) == pytest.approx(14 / 40)
    assert count("groupnl_expected_predicted_ratio", **{"class": "other"}) == 0
    weights = share_weights(traffic.confusion)
    assert count("groupnl_traffic_share_weight", corruption="fog", looks="fog") == weights["fog"]["fog"]
    assert count("groupnl_traffic_share_weight") == pytest.approx(sum(sum(row.values()) for row in weights.values()))
    with pytest.raises(AssertionError, match="no sample"):  # without offline figures
        count("groupnl_traffic_figure_weight")


def test_classes_that_are_not_named_are_expected_too(load: Load, own_copy: Path, count: Count) -> None:
    known = tiny_traffic(("grey", "red", "green"), size=64, predicted={"red": 24, "grey": 6})
    write_traffic(known, own_copy / TRAFFIC_FILE)
    load()
    assert count("groupnl_expected_predicted_ratio", **{"class": "other"}) == pytest.approx(10 / 40)
    assert count("groupnl_expected_predicted_ratio") == pytest.approx(1)


def test_offline_figures_give_weights(load: Load, own_copy: Path, traffic: Traffic, count: Count) -> None:
    record = offline_record(lambda _: (5, 4))
    write_record(record, own_copy / ROBUSTNESS_FILE)
    write_traffic(traffic, own_copy / TRAFFIC_FILE)
    load()
    assert 0.8 < count("groupnl_traffic_figure_weight", figure="accuracy", corruption="none", severity="0") < 1
    assert 0.3 < count("groupnl_traffic_figure_weight", figure="agreement", corruption="fog", severity="3") < 0.6


def test_live_answers_are_counted_without_any_record(load: Load, count: Count) -> None:
    service = load()
    own = Item({"body": FILE}, {KEY_HEADER.lower(): OWN_KEY})
    service.answer([Item({"body": FILE}, {}), own, Item({"body": b"no image"}, {})])
    assert count("groupnl_confidence_count") == count("groupnl_entropy_ratio_count") == 1
    assert count("groupnl_predicted_total") == 1
    assert count("groupnl_predicted_total", **{"class": "white"}) in (0, 1)  # few classes: each is named
    with pytest.raises(AssertionError, match="no sample"):
        count("groupnl_expected_images")


@pytest.mark.slow
def test_chosen_images_are_looked_at_in_the_shadow_process(
    load: Load, own_copy: Path, traffic: Traffic, count: Count
) -> None:
    write_traffic(traffic, own_copy / TRAFFIC_FILE)
    service = load(share=1.0)
    service.answer([Item({"body": FILE}, {})])
    until(lambda: count(PAIRS_DONE) == 1)
    assert count("groupnl_traffic_looks_total") == 1
    assert count("groupnl_traffic_rank_count", statistic="noise") == 1
    assert count("groupnl_traffic_files_total", format="jpeg", exif="no") == 1
    assert 0 < count("groupnl_shadow_expected_correct_total", corruption="none") < 1
    assert 0 < count("groupnl_shadow_expected_correct_total", corruption="contrast") < 1


def test_calibrated_probabilities_keep_their_order(load: Load, own_copy: Path, traffic: Traffic) -> None:
    item = Item({"body": FILE}, {"x-top-k": "7"})
    plain = load().answer([item])[0].body
    write_traffic(traffic, own_copy / TRAFFIC_FILE)
    assert load().answer([item])[0].body == plain  # as long as nobody asks for it
    honest = load(calibrated=True).answer([item])[0].body
    assert list(honest) == list(plain)
    powers = {name: value**0.5 for name, value in plain.items()}  # the temperature is 2
    assert honest == pytest.approx({name: value / sum(powers.values()) for name, value in powers.items()}, rel=1e-4)


def test_calibrated_without_a_record_is_refused(load: Load) -> None:
    with pytest.raises(ConfigError, match="calibrated = true needs the temperature"):
        load(calibrated=True)


def test_a_damaged_file_is_refused(load: Load, own_copy: Path) -> None:
    (own_copy / TRAFFIC_FILE).write_bytes(b"damaged")
    with pytest.raises(ArchiveError, match=r"traffic\.safetensors cannot be read.*make the archive again"):
        load()
