"""A running service chooses an image once, whichever worker answers it and whichever server has started the workers."""

import io
import os
import signal
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image
from support.server import Server, serving
from support.tiny import HANDLER, tiny_checkpoint
from support.waiting import until

from groupnl.archive.model_config import ServingSettings
from groupnl.archive.pack import pack

SHADOW = {"share": 1.0, "corruptions": ["contrast"], "severities": [1], "niceness": 0}


@pytest.fixture(scope="module")
def server(kind: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("repeats")
    handler = HANDLER | {"shadow": SHADOW}
    pack(tiny_checkpoint(folder), folder, "tiny", settings=ServingSettings(workers=2, handler=handler))
    with serving(folder, "--model-store", str(folder), kind=kind) as running:
        yield running


def _count(server: Server, name: str, **labels: str) -> float:
    samples = [sample for sample in server.samples(name) if sample.name == name]
    return sum(sample.value for sample in samples if labels.items() <= sample.labels.items())


def _file(number: int) -> bytes:
    blotches = np.random.default_rng(number).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(blotches).resize((64, 64), Image.Resampling.BICUBIC).save(file, "PNG")
    return file.getvalue()


def _ask(server: Server, numbers: range, times: int, key: str) -> None:
    for time in range(times):
        for number in numbers:
            headers = {"X-Request-Key": f"{key} {time} {number}"}
            assert server.predict("tiny", _file(number), headers).status == 200


def test_all_workers_know_an_image_and_so_does_one_that_comes_back(server: Server) -> None:
    sampled, repeated = "groupnl_shadow_sampled_total", "groupnl_shadow_repeated_total"
    before = _count(server, sampled), _count(server, repeated)
    _ask(server, range(5), 6, "first")  # the two workers take turns
    assert _count(server, sampled) == before[0] + 5
    assert _count(server, repeated, kind="same") == before[1] + 25
    starts = _count(server, "groupnl_worker_starts_total")
    os.kill(server.workers("tiny")[0], signal.SIGKILL)
    until(lambda: _count(server, "groupnl_worker_starts_total") == starts + 1)
    until(lambda: len(server.workers("tiny")) == 2)  # which is told after it is counted
    _ask(server, range(7), 1, "again")
    assert _count(server, sampled) == before[0] + 7
