"""One image under some cells: the shadow path's pixels, and the network's answers to them."""

import io
from pathlib import Path
from typing import cast

import numpy as np
import pytest
import torch
from PIL import Image
from prometheus_client import CollectorRegistry
from support.pictures import encode, scene
from torch import Tensor

from groupnl.archive.handler_config import HandlerConfig
from groupnl.archive.load import load_unpacked
from groupnl.archive.shadow_config import ShadowConfig
from groupnl.base.turns import Turns
from groupnl.card import ModelCard
from groupnl.corruptions import NAMES, Cell, corrupt_each
from groupnl.images import Limits, Reader
from groupnl.inference.engines.torch_engine import TorchEngine
from groupnl.metrics import Metrics
from groupnl.robustness.replay import spec_of
from groupnl.robustness.sampling import request_key
from groupnl.service.items import Item
from groupnl.service.service import Service
from groupnl.service.shadow import Sampler
from groupnl.service.trials import Trial

FILE = encode(Image.fromarray(scene()), "PNG")
SEED = 5  # of the model's shadow path
FOG = tuple(Cell("fog", severity) for severity in (1, 2, 3, 4, 5))


class _NoShadows:
    def offer(self, *_: object) -> None:
        raise AssertionError("a trial is no live image")


class _Tried:
    """A service, and what it is made of."""

    def __init__(self, packed: Path) -> None:
        manifest, model = load_unpacked(packed)
        self.card: ModelCard = manifest.card
        self.registry = CollectorRegistry()
        self.engine = TorchEngine(model, self.card.input, torch.device("cpu"), torch.float32)
        metrics = Metrics("tiny", self.registry)
        shadows = cast(Sampler, _NoShadows())
        config = HandlerConfig(shadow=ShadowConfig(share=1.0, seed=SEED))
        self.service = Service(self.card, self.engine, config, metrics, shadows, Turns(None, 1))
        self.pixels = Reader(self.card.input, Limits())(FILE)

    def shadowed(self, cell: Cell, key: str, seed: int) -> Tensor:
        """The pixels of the shadow path."""
        return corrupt_each(self.pixels[None], [spec_of(key, cell, seed)])[0]

    def image(self, trial: Trial) -> Tensor:
        reply = self.service.try_out(trial)
        assert (reply.status, reply.body) == (200, {})
        assert reply.image is not None
        return torch.from_numpy(np.array(Image.open(io.BytesIO(reply.image)))).permute(2, 0, 1)


@pytest.fixture
def tried(packed: Path) -> _Tried:
    return _Tried(packed)


def _item(**headers: str) -> Item:
    return Item({"body": FILE}, headers)


def test_the_pixels_are_those_of_the_shadow_path(tried: _Tried) -> None:
    cell = Cell("gaussian_noise", 3)
    usual = request_key(None, FILE)
    assert torch.equal(tried.image(Trial(_item(), (cell,), None, True)), tried.shadowed(cell, usual, SEED))
    assert torch.equal(tried.image(Trial(_item(), (cell,), 0, True)), tried.shadowed(cell, usual, 0))
    named = Trial(_item(**{"x-request-key": "k"}), (cell,), None, True)
    assert torch.equal(tried.image(named), tried.shadowed(cell, "k", SEED))
    assert not torch.equal(tried.shadowed(cell, "k", SEED), tried.shadowed(cell, usual, SEED))


def test_without_a_cell_the_pixels_are_the_model_s_input(tried: _Tried) -> None:
    assert torch.equal(tried.image(Trial(_item(), (), None, True)), tried.pixels)


def test_the_answers_are_those_of_the_network(tried: _Tried) -> None:
    reply = tried.service.try_out(Trial(_item(**{"x-top-k": "2"}), FOG))
    assert reply.status == 200
    seen = [tried.pixels, *(tried.shadowed(cell, request_key(None, FILE), SEED) for cell in FOG)]
    answers = tried.engine(torch.stack(seen)).softmax(dim=1)
    best = answers.argmax(dim=1).tolist()
    told = [reply.body["clean"], *(each["classes"] for each in reply.body["cells"])]
    for classes, row in zip(told, answers, strict=True):
        expected = row.topk(2)
        assert list(classes) == [tried.card.classes[place] for place in expected.indices.tolist()]
        assert list(classes.values()) == pytest.approx(expected.values.tolist(), abs=1e-5)
    assert [each["holds"] for each in reply.body["cells"]] == [place == best[0] for place in best[1:]]
    assert [(each["corruption"], each["severity"]) for each in reply.body["cells"]] == list(FOG)


def test_trials_are_counted(tried: _Tried) -> None:
    tried.service.try_out(Trial(_item(), FOG))
    tried.service.try_out(Trial(Item({"body": b"no image"}, {}), FOG))
    value = tried.registry.get_sample_value
    assert value("groupnl_requests_total", {"model": "tiny", "code": "200"}) == 1
    assert value("groupnl_requests_total", {"model": "tiny", "code": "415"}) == 1


def test_what_cannot_be_tried(tried: _Tried) -> None:
    unknown = tried.service.try_out(Trial(_item(), (Cell("fig", 1),)))
    assert (unknown.status, unknown.body["code"]) == (400, "bad_input")
    assert "'fig'" in unknown.body["message"]
    assert all(name in unknown.body["message"] for name in NAMES)
    assert tried.service.try_out(Trial(Item({"body": b""}, {}), FOG)).body["code"] == "empty"
    assert tried.service.try_out(Trial(Item({"body": b"GIF89a"}, {}), (), None, True)).status == 415


def test_a_network_that_fails_is_no_answer(tried: _Tried, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> Tensor:
        raise RuntimeError

    monkeypatch.setattr(tried.service, "_engine", fail)
    reply = tried.service.try_out(Trial(_item(), FOG))
    assert (reply.status, reply.body["code"]) == (500, "internal")
