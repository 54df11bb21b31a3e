"""A real service with a candidate of another input size and class order: its counts, and what the gate says."""

import io
import json
from collections.abc import Iterator

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from support.server import Server, serving
from support.shadows import PAIRS_DONE
from support.tiny import ARCHITECTURE, CLASSES, HANDLER, INPUT, tiny_card
from support.waiting import until_equal
from torch import Tensor

from groupnl import cli
from groupnl.archive.model_config import ServingSettings
from groupnl.archive.pack import pack
from groupnl.card import ModelCard
from groupnl.images import Limits, Reader
from groupnl.models import save_checkpoint

IMAGES = 60
LIMIT_S = 180
SHADOW = {"share": 1.0, "corruptions": ["contrast"], "severities": [5], "time_share": 1.0, "queue_length": 200}
SHADOW |= {"max_lag_s": 600.0, "niceness": 0}  # none is dropped, however busy the machine is
OWN = tiny_card()
OTHER = tiny_card(CLASSES[::-1]).model_copy(update={"input": INPUT.model_copy(update={"size": 64, "crop_pct": 0.8})})
# How many: both right, only the model, only the candidate, neither.
OUTCOMES = ("both_right", "model_only", "candidate_only", "both_wrong")


def _file(number: int) -> bytes:
    blotches = np.random.default_rng(number).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(blotches).resize((120, 100), Image.Resampling.BICUBIC).save(file, "PNG")
    return file.getvalue()


def _as_input(card: ModelCard, numbers: range) -> Tensor:
    pixels = torch.stack([Reader(card.input, Limits())(_file(number)) for number in numbers])
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (card.input.mean, card.input.std))
    return (pixels / 255 - mean) / std


def _network(seed: int, card: ModelCard) -> torch.nn.Module:
    """Random weights, but no favourite class."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = timm.create_model(ARCHITECTURE, num_classes=len(CLASSES)).eval()
    with torch.inference_mode():
        network.get_classifier().bias -= network(_as_input(card, range(1000, 1064))).mean(0)
    return network


def _answers(seed: int, card: ModelCard) -> list[str]:
    with torch.inference_mode():
        best = _network(seed, card)(_as_input(card, range(IMAGES))).argmax(dim=1)
    return [card.classes[place] for place in best.tolist()]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("beside")
    settings = ServingSettings(workers=1, handler=HANDLER | {"shadow": SHADOW})
    for seed, (name, card) in enumerate({"model": OWN, "new": OTHER}.items()):
        save_checkpoint(folder / f"{name}.safetensors", _network(seed, card).state_dict(), card)
        pack(folder / f"{name}.safetensors", folder, name, settings=settings)
    words = "--model-store", str(folder), "--models", "model", "--candidate", f"model={folder / 'new.mar'}"
    with serving(folder, *words) as running:
        yield running


def _counts(server: Server, name: str, label: str) -> dict[str, float]:
    """A counter's values, one for each of a label."""
    found: dict[str, float] = {}
    for sample in server.samples():
        if sample.name == f"groupnl_candidate_{name}":
            found[sample.labels[label]] = found.get(sample.labels[label], 0.0) + sample.value
    return found


def _gate(server: Server, *words: str) -> int:
    endpoint = f"http://127.0.0.1:{server.metrics}"
    return cli.main(["gate", "--endpoint", endpoint, "--model", "model", "--candidate", "new", *words])


def test_counts_are_plain_arithmetic_and_the_gate_judges_by_them(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _counts(server, "images_total", "candidate") == {"new": 0}
    ours, theirs = _answers(0, OWN), _answers(1, OTHER)
    for number, label in enumerate(ours):  # as if the model was always right
        assert server.predict("model", _file(number), {"X-Label": label}).status == 200
    pixels = {"name": "image", "shape": [1, 2, 2, 3], "datatype": "UINT8", "data": [9] * 12}
    body = json.dumps({"inputs": [pixels]}).encode()
    assert server.ask("/v2/models/model/infer", body, "POST", {"Content-Type": "application/json"}).status == 200
    until_equal(lambda: sum(s.value for s in server.samples(PAIRS_DONE) if s.name == PAIRS_DONE), IMAGES + 1, LIMIT_S)

    same = sum(one == other for one, other in zip(ours, theirs, strict=True))
    assert 0 < same < IMAGES
    assert _counts(server, "images_total", "candidate") == {"new": IMAGES}
    assert _counts(server, "agrees_total", "candidate") == {"new": same}
    assert _counts(server, "failures_total", "candidate") == {"new": 0}  # it was not asked about the pixels
    assert _counts(server, "right_total", "outcome") == dict(zip(OUTCOMES, (same, IMAGES - same, 0, 0), strict=True))
    assert sum(_counts(server, "disagreements_total", "model_class").values()) == IMAGES - same
    assert sum(_counts(server, "holds_total", "outcome").values()) == IMAGES
    assert _counts(server, "seconds_count", "network") == {"model": IMAGES, "candidate": IMAGES}
    assert all(seconds > 0 for seconds in _counts(server, "seconds_sum", "network").values())

    assert _gate(server) == 1
    assert f"on {IMAGES} images whose class is known; a loss of more than 1 point is certain" in capsys.readouterr().out
    lenient = "--max-loss", "100", "--max-failures", "100"
    assert _gate(server, *lenient) == 2
    assert "not enough yet: new in the place of model (pairs)" in capsys.readouterr().out
    assert _gate(server, *lenient, "--min-pairs", str(IMAGES), "--json") == 0
    assert json.loads(capsys.readouterr().out)["findings"]["same"]["value"] == pytest.approx(same / IMAGES)


def test_a_reload_keeps_the_candidate_and_what_is_known_of_it(server: Server) -> None:
    before = _counts(server, "images_total", "candidate")
    assert server.manage("POST", "/models/model/reload").status == 200
    assert server.predict("model", _file(IMAGES)).status == 200
    until_equal(lambda: _counts(server, "images_total", "candidate"), {"new": before["new"] + 1}, LIMIT_S)
