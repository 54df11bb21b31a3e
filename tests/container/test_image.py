"""The image, if it was built: IMAGE=groupnl-serve pytest tests/container/test_image.py.

It runs as docs/container.md says, with a read-only root. What it answers is what its archives answer outside; when it
is told to end while many ask, no answer is lost.
"""

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from PIL import Image
from support.container import Container, running
from support.dockerfile import ROOT, instruction, words
from support.load import REFUSED, Load
from support.server import STOP_LIMIT_S, ask, serving

from groupnl_studies.harness.ports import free_ports

IMAGE = os.environ.get("IMAGE")
pytestmark = [
    pytest.mark.service,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not IMAGE, reason="IMAGE names no image: docs/container.md"),
]
MODELS = ("gnl_effnet_es", "effnet_es")
CLIENTS = 16
START_LIMIT_S = 400.0  # on another machine engines are measured first
# Another PyTorch and another engine round otherwise; bfloat16 has three digits.
CLOSE = 0.02


class Served(NamedTuple):
    container: Container
    port: int


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    inference, metrics = free_ports(2)
    # The machine's network is the container's here, hence its loopback.
    options = ("--host", "127.0.0.1", "--inference-port", str(inference), "--metrics-port", str(metrics))
    with running(str(IMAGE), tmp_path_factory.mktemp("container"), *options) as container:
        container.wait_for("Ctrl-C stops", START_LIMIT_S)
        yield Served(container, inference)


@pytest.fixture(scope="module")
def pictures() -> list[bytes]:
    """The sample, and what is like it."""
    sample = Image.open(ROOT / "docs" / "sample.png").convert("RGB")
    turned = [io.BytesIO() for _ in range(3)]
    for number, file in enumerate(turned):
        sample.rotate(90 * (number + 1)).save(file, "PNG")
    return [(ROOT / "docs" / "sample.png").read_bytes(), *(file.getvalue() for file in turned)]


def answer(port: int, model: str, picture: bytes) -> Any:
    got = ask(port, "PUT", f"/predictions/{model}", picture, {})
    assert got.status == 200
    return got.content


def test_it_is_nobody_and_writes_into_its_volumes_alone(served: Served) -> None:
    user, _, group = instruction("USER").partition(":")
    assert served.container.run("id", "-u").stdout.strip() == user
    assert served.container.run("id", "-g").stdout.strip() == group
    assert "CapEff:\t0000000000000000" in served.container.run("cat", "/proc/self/status").stdout
    for folder in ("/", "/home/groupnl", "/opt/model_store", "/etc/groupnl"):
        assert served.container.run("touch", f"{folder}/tried").returncode != 0
    for folder in words("VOLUME"):
        assert served.container.run("touch", f"{folder}/tried").returncode == 0


def test_the_answers_are_those_of_its_archives_outside(served: Served, pictures: list[bytes], tmp_path: Path) -> None:
    served.container.fetch("/opt/model_store", tmp_path)
    with serving(tmp_path, "--model-store", str(tmp_path / "model_store"), "--models", *MODELS) as outside:
        outside.wait_for("Ctrl-C stops")
        for model in MODELS:
            for picture in pictures:
                expected = outside.predict(model, picture).content
                assert is_alike(answer(served.port, model, picture), expected), model


def is_alike(one: Any, other: Any) -> bool:
    """Two answers; a class that only one of them names counts against the smallest share that the other names."""
    least = {id(answer): min(answer.values()) for answer in (one, other)}
    shares = [(one.get(name, least[id(one)]), other.get(name, least[id(other)])) for name in {*one, *other}]
    return next(iter(one)) == next(iter(other)) and all(abs(here - there) < CLOSE for here, there in shares)


def test_no_answer_is_lost_when_it_is_told_to_end(served: Served, pictures: list[bytes]) -> None:
    right = {picture: answer(served.port, MODELS[0], picture) for picture in pictures}
    with Load(served.port, right, CLIENTS, MODELS[0], is_alike) as load:
        load.wait_for_more()
        served.container.terminate()
        status = served.container.wait(STOP_LIMIT_S)
    assert status == 0, served.container.output()
    assert set(load.seen) == {200, REFUSED}
    assert load.seen[REFUSED] == CLIENTS
    assert load.seen[200] >= 3 * CLIENTS
    assert served.container.output().rstrip().endswith("stopped")
