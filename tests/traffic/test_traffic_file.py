"""The file that holds all that is known of the traffic."""

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file
from support.traffic import noisy_images, tiny_record, tiny_traffic

from groupnl.corruptions.names import CELLS
from groupnl.errors import ConfigError
from groupnl.traffic.file import read_traffic, write_traffic
from groupnl.traffic.onlooker import Onlooker
from groupnl.traffic.record import LOOKS, TrafficRecord
from groupnl.traffic.statistics import STATISTICS


def test_is_read_as_it_was_written(tmp_path):
    traffic = tiny_traffic()
    path = tmp_path / "tiny.traffic.safetensors"
    write_traffic(traffic, path)
    read = read_traffic(path)
    assert read.record == traffic.record
    for old, new in zip(traffic.recogniser, read.recogniser, strict=True):
        np.testing.assert_array_equal(old, new)
    np.testing.assert_array_equal(traffic.confusion, read.confusion)
    assert read.confusion.dtype == np.int64
    np.testing.assert_array_equal(traffic.reference, read.reference)


def test_the_same_is_the_same_file(tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    write_traffic(tiny_traffic(), first)
    write_traffic(tiny_traffic(), second)
    assert first.read_bytes() == second.read_bytes()


def broken(path, change):
    write_traffic(tiny_traffic(), path)
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path, metadata={"traffic": tiny_record().model_dump_json()})


def test_what_cannot_be_used_is_told(tmp_path):
    path = tmp_path / "tiny.traffic.safetensors"
    with pytest.raises(ConfigError, match="does not exist; make it with `groupnl traffic`"):
        read_traffic(path)
    path.write_bytes(b"no such file")
    with pytest.raises(ConfigError, match="cannot be read as safetensors"):
        read_traffic(path)
    save_file({"mean": np.zeros(2, np.float32)}, path)
    with pytest.raises(ConfigError, match="its header has no entry 'traffic'"):
        read_traffic(path)
    save_file({"mean": np.zeros(2, np.float32)}, path, metadata={"traffic": '{"format": 2}'})
    with pytest.raises(ConfigError, match="no usable record"):
        read_traffic(path)
    broken(path, lambda tensors: tensors.update(mean=tensors["mean"][:-1]))
    with pytest.raises(ConfigError, match="another version: mean should be"):
        read_traffic(path)
    broken(path, lambda tensors: tensors.update(bias=tensors["bias"].astype(np.float64)))
    with pytest.raises(ConfigError, match="numbers of another type"):
        read_traffic(path)
    for name, value in (("scale", 0), ("weight", np.nan), ("confusion", 0)):
        broken(path, lambda tensors, name=name, value=value: tensors[name].fill(value))
        with pytest.raises(ConfigError, match="numbers that cannot be"):
            read_traffic(path)


def test_a_record_counts_each_image_once():
    record = tiny_record()
    assert record.expected_confidence()[1.0] == 1
    assert record.expected_entropy()[0.1] == 1
    assert sum(record.expected_predicted().values()) == pytest.approx(1)
    for field in ("confidence", "entropy"):
        with pytest.raises(ValueError, match=f"{field} counts 39 images"):
            TrafficRecord.model_validate(record.model_dump() | {field: (39,) + (0,) * 9})
    with pytest.raises(ValueError, match="predicted classes are more than 40"):
        TrafficRecord.model_validate(record.model_dump() | {"predicted": {"red": 41}})


def test_no_temperature_is_infinite():
    with pytest.raises(ValueError, match="temperature"):
        TrafficRecord.model_validate(tiny_record().model_dump() | {"temperature": float("inf")})


def test_looks_are_in_the_order_of_the_cells():
    assert (None, *CELLS) == LOOKS


def test_an_onlooker_looks_at_each_image():
    images = noisy_images(5, 32, seed=1)
    looks = Onlooker(tiny_traffic()).look(images)
    assert len(looks) == 5
    assert all(look.cell in LOOKS for look in looks)
    assert all(len(look.ranks) == len(STATISTICS) and all(0 <= rank <= 1 for rank in look.ranks) for look in looks)


def test_ranks_of_images_like_the_held_back_ones_spread_evenly():
    looks = Onlooker(tiny_traffic(images=200)).look(noisy_images(2000, 32, seed=2))
    for index, statistic in enumerate(STATISTICS):
        ranks = np.sort([look.ranks[index] for look in looks])
        gap = np.abs(ranks - (np.arange(len(ranks)) + 0.5) / len(ranks)).max()
        assert gap < 0.12, statistic  # 200 against 2000 images


def test_ranks_of_equals_spread_evenly():
    traffic = tiny_traffic()
    traffic.reference[:] = 0
    image = torch.zeros(500, 3, 32, 32, dtype=torch.uint8)
    ranks = np.sort([look.ranks[0] for look in Onlooker(traffic).look(image)])
    assert np.abs(ranks - np.linspace(0, 1, 500)).max() < 0.1
