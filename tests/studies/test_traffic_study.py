"""groupnl study traffic: its rule is the service's; what it says of streams that are easy; and the command."""

import argparse
import json
from pathlib import Path
from statistics import NormalDist

import numpy as np
import pytest
import torch
from PIL import Image
from support.pictures import scene
from support.tiny import tiny_checkpoint
from support.traffic import tiny_confusion

from groupnl.base.options import read_options
from groupnl.corruptions.names import NAMES
from groupnl.errors import ConfigError
from groupnl.traffic.drift import SHARE_MARGIN, SHARE_Z
from groupnl.traffic.estimated import estimate
from groupnl.traffic.mixture import KINDS, share_weights
from groupnl_studies.traffic import command
from groupnl_studies.traffic.pictures import photographs
from groupnl_studies.traffic.strangers import STRANGERS
from groupnl_studies.traffic.streams import false_alarms, kinds_of, told_of
from groupnl_studies.traffic.tables import corruption_table, findings
from groupnl_studies.traffic.watch import Watch

CONFIDENCE = 2 * NormalDist().cdf(SHARE_Z["1h"]) - 1  # of which the standard errors are the two-sided quantile
PERFECT = np.tile(np.arange(96)[:, None], (1, 50))


def test_the_rule_is_the_services() -> None:
    confusion = tiny_confusion(images=400)
    weights, watch = share_weights(confusion), Watch(confusion)
    random = np.random.default_rng(0)
    counts = random.multinomial(200, [0.8, *[0.2 / 19] * 19], size=20).astype(float)
    shares, told = watch.shares(counts), watch.told(counts, "1h")
    for row, share, is_told in zip(counts, shares, told, strict=True):
        by_look = dict(zip(KINDS, row.tolist(), strict=True))
        for place, name in enumerate(NAMES):
            expected = estimate(by_look, weights[name], 400, CONFIDENCE)
            assert expected is not None
            assert np.clip(share[place], 0, 1) == pytest.approx(expected.value, abs=1e-9)
            assert bool(is_told[place]) == (expected.low > SHARE_MARGIN)


def test_too_few_images_tell_nothing() -> None:
    counts = np.zeros((1, 20))
    counts[0, 3] = 49
    assert not Watch(tiny_confusion()).told(counts, "1h").any()
    counts[0, 3] = 50
    assert Watch(tiny_confusion()).told(counts, "1h")[0, 2]


def test_severities_are_one_kind() -> None:
    assert kinds_of(np.array([0, 1, 5, 6, 95])).tolist() == [0, 1, 1, 2, 19]


def test_what_is_always_recognised_is_found_and_named() -> None:
    watch = Watch(tiny_confusion(images=400, right=1.0, right_clean=1.0))
    told = told_of("fog", PERFECT, watch, (3, 4, 5), 100, np.random.default_rng(0))
    assert told.found > 0.6
    assert told.named == 1
    assert told.requests <= 2000
    assert told.share == pytest.approx(0.1, abs=0.01)
    assert false_alarms(PERFECT[0], watch, np.random.default_rng(0)) == 0
    unseen = told_of("fog", np.zeros_like(PERFECT), watch, (3,), 10, np.random.default_rng(0))
    assert unseen.found == 0
    assert np.isnan(unseen.named)
    assert np.isnan(unseen.requests)
    found = findings("drawings", [told, unseen], [0, 1])
    assert [each.passes for each in found] == [False, None, True, True]
    assert corruption_table({"drawings": [unseen]}).splitlines()[-1].startswith("| fog | 0 % |  |  | ")


def test_what_half_of_all_clean_images_look_like_is_a_false_alarm() -> None:
    watch = Watch(tiny_confusion(images=400))
    looks = PERFECT[0].copy()
    looks[::2] = 31
    assert false_alarms(looks, watch, np.random.default_rng(0)) > 0


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photographs"
    folder.mkdir()
    for number in range(10):
        Image.fromarray(scene()).rotate(36 * number).save(folder / f"{number}.png")
    return folder


def test_no_photograph_is_on_both_sides(photos: Path) -> None:
    ours, again, theirs, past = photographs(photos, 32, 2, seed=0)
    assert ours.images.pixels.shape == (10, 3, 32, 32)
    assert ours.groups.tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    names = [{key.split("-")[0] for key in part.images.keys} for part in (ours, theirs)]
    assert len(names[0] | names[1]) == 10
    assert {key.split("-")[0] for key in again.images.keys} == names[0]
    assert not set(again.images.keys) & set(ours.images.keys)
    assert {key.split("-")[0] for key in past.images.keys} == names[1]
    assert not set(past.images.keys) & set(theirs.images.keys)
    assert not torch.equal(ours.images.pixels, again.images.pixels)
    assert torch.equal(ours.images.pixels, photographs(photos, 32, 2, seed=0)[0].images.pixels)
    few, _, many, _ = photographs(photos, 32, 2, seed=0, known=3)
    assert (len(few.images.keys), len(many.images.keys)) == (6, 14)
    with pytest.raises(ConfigError, match="has 10 photographs, none beside 10"):
        photographs(photos, 32, 2, seed=0, known=10)
    (photos / "0.png").unlink()
    with pytest.raises(ConfigError, match="has 9 photographs"):
        photographs(photos, 32, 2, seed=0)


def test_strangers_are_images() -> None:
    pixels = torch.randint(0, 256, (2, 3, 32, 32), dtype=torch.uint8)
    for spoil in STRANGERS.values():
        assert (spoil(pixels).shape, spoil(pixels).dtype) == (pixels.shape, pixels.dtype)


@pytest.mark.slow
def test_the_command(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("groupnl.traffic.fit.EPOCHS", 1)
    monkeypatch.setattr(command, "_MONTHS", 1)
    for number in range(7):
        path = tmp_path / f"data/test/{('red', 'blue', 'round')[number % 3]}/{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(scene()).rotate(40 * number).save(path)
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    words = ["--checkpoint", tiny_checkpoint(tmp_path), "--data", tmp_path / "data", "--splits", "test"]
    words += ["--fitted", 5, "--tested", 2, "--photographs", photos, "--size", 32, "--crops", 1, "--streams", 3]
    words += ["--json", tmp_path / "figures.json"]
    options = read_options(command.Options, parser.parse_args([str(word) for word in words]))
    assert command.run(options) == 1  # five images teach nothing
    out = capsys.readouterr().out
    assert "| icons | corruptions found in most streams |" in out
    assert "| channels swapped (BGR) |" in out
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert [each["corruption"] for each in figures["corruptions"]["other photographs"]] == list(NAMES)
    assert len(figures["corruptions"]["other photographs, settled"]) == len(NAMES)
    assert len(figures["strangers"]) == len(STRANGERS)
