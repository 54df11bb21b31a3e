"""The playground of a real service in a real Chromium, and what it asks: the same pixels for the model and its twin."""

import io
import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.browser import CHROMIUM, chromium
from support.server import Server, serving
from support.tiny import CLASSES, HANDLER, INPUT, tiny_checkpoint

from groupnl.archive.model_config import ServingSettings
from groupnl.archive.pack import pack
from groupnl.corruptions import CELLS, Cell, corrupt_each
from groupnl.images import Limits, Reader
from groupnl.robustness.replay import spec_of
from groupnl.robustness.sampling import request_key

SAMPLE = (Path(__file__).parents[2] / "docs" / "sample.png").read_bytes()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("playground")
    checkpoint = tiny_checkpoint(folder)
    for name, twin in (("model", "twin"), ("twin", None)):
        handler = HANDLER | {"shadow": {"share": 0.0, "twin": twin}}
        pack(checkpoint, folder, name, settings=ServingSettings(workers=1, handler=handler))
    with serving(folder, "--model-store", str(folder)) as running:
        yield running


def _post(server: Server, path: str) -> bytes:
    request = urllib.request.Request(f"http://127.0.0.1:{server.inference}{path}", SAMPLE, method="POST")
    with urllib.request.urlopen(request, timeout=60) as answer:
        return bytes(answer.read())


def test_the_pixels_are_those_of_the_shadow_path(server: Server) -> None:
    cell = Cell("gaussian_noise", 3)
    shown = [
        np.array(Image.open(io.BytesIO(_post(server, f"/corrupt/{name}?corruption={cell.corruption}&severity=3"))))
        for name in ("model", "twin")
    ]
    pixels = Reader(INPUT, Limits())(SAMPLE)
    expected = corrupt_each(pixels[None], [spec_of(request_key(None, SAMPLE), cell, 0)])[0]
    for picture in shown:
        assert np.array_equal(picture, expected.permute(1, 2, 0).numpy())


def test_what_was_tried_is_counted(server: Server) -> None:
    assert "playground: " in server.output()
    told = json.loads(_post(server, "/robustness/model?corruption=fog&severity=2"))
    assert [(each["corruption"], each["severity"]) for each in told["cells"]] == [("fog", 2)]
    assert set(told["clean"]) <= set(CLASSES)
    with urllib.request.urlopen(f"http://127.0.0.1:{server.metrics}/metrics", timeout=60) as answer:
        lines = answer.read().decode().splitlines()
    counted = [line for line in lines if line.startswith("groupnl_answers_total") and 'protocol="trial"' in line]
    (answered,) = [line for line in counted if 'code="200"' in line and 'model="model"' in line]
    assert float(answered.split()[-1]) >= 1


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")
def test_the_page_shows_what_the_service_answers(server: Server) -> None:
    with chromium() as page:
        page.shows()
        page.open(f"http://127.0.0.1:{server.inference}/")
        page.until("document.querySelector('#model').options.length === 2")
        page.run("document.querySelector('#sample').click()")
        page.until(f"document.querySelectorAll('#sheet [data-outcome]').length === {len(CELLS)}")
        names = page.run("[...document.querySelectorAll('.answer h3')].map(each => each.textContent)")
        shown = page.run("[...document.querySelectorAll('#sheet [data-outcome]')].map(each => each.dataset.outcome)")
        assert page.problems == []
    assert names == ["model", "twin"]
    told = [
        each["holds"]
        for corruption in dict(CELLS)
        for each in json.loads(_post(server, f"/robustness/model?corruption={corruption}"))["cells"]
    ]
    assert shown == ["both" if holds else "neither" for holds in told]  # the twin is the same network
