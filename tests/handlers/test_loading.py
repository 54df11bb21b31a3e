import json
import logging
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from support.pictures import encode, scene
from support.worker import Worker, make_context, request

from groupnl.archive.manifest import MANIFEST_NAME
from groupnl.errors import ArchiveError, CheckpointError, ConfigError

PNG = encode(Image.fromarray(scene()), "PNG")


def test_says_when_it_is_ready(packed: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        Worker(packed)
    (line,) = [message for message in caplog.messages if "is ready" in message]
    assert line.startswith("groupnl: model tiny is ready: test_gnl_efficientnet")
    assert "cpu" in line
    assert "float32" in line


def cannot_load(folder: Path, error: type[Exception], caplog: Any, config: Any = None) -> str:
    with pytest.raises(error):
        Worker(folder, config)
    (line,) = [message for message in caplog.messages if "cannot load" in message]
    assert line.startswith("groupnl: cannot load model tiny: ")
    assert "\n" not in line
    return line


def test_changed_weights_are_refused(own_copy: Path, caplog: pytest.LogCaptureFixture) -> None:
    weights = own_copy / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x7f")
    assert "SHA-256" in cannot_load(own_copy, ArchiveError, caplog)


def test_missing_weights_are_refused(own_copy: Path, caplog: pytest.LogCaptureFixture) -> None:
    (own_copy / "weights.safetensors").unlink()
    assert "weights.safetensors cannot be read" in cannot_load(own_copy, ArchiveError, caplog)


def test_a_missing_manifest_is_refused(own_copy: Path, caplog: pytest.LogCaptureFixture) -> None:
    (own_copy / MANIFEST_NAME).unlink()
    assert "model.json cannot be read" in cannot_load(own_copy, ArchiveError, caplog)


@pytest.mark.parametrize(
    ("field", "value"), [("format", 2), ("weights", "../weights"), ("model_name", "a/b"), ("extra", 1)]
)
def test_an_unusable_manifest_is_refused(
    own_copy: Path, caplog: pytest.LogCaptureFixture, field: str, value: Any
) -> None:
    path = own_copy / MANIFEST_NAME
    path.write_text(json.dumps(json.loads(path.read_text()) | {field: value}))
    assert field in cannot_load(own_copy, ArchiveError, caplog)


def test_weights_of_another_network_are_refused(own_copy: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = own_copy / MANIFEST_NAME
    fields = json.loads(path.read_text())
    fields["card"]["architecture"] = "test_efficientnet"
    path.write_text(json.dumps(fields))
    cannot_load(own_copy, CheckpointError, caplog)


@pytest.mark.parametrize(
    "section",
    [
        {"device": "tpu"},
        {"precision": "float16", "device": "cpu"},
        {"top_k": 0},
        {"unknown": 1},
        {"limits": {"formats": ["GIF"]}},
    ],
)
def test_an_unusable_configuration_is_refused(
    packed: Path, caplog: pytest.LogCaptureFixture, section: dict[str, Any]
) -> None:
    cannot_load(packed, ConfigError, caplog, {"handler": section})


@pytest.mark.parametrize("config", [None, {}, {"handler": None}, {"minWorkers": 1}])
def test_the_configuration_may_be_empty(packed: Path, config: dict[str, Any] | None) -> None:
    worker = Worker(packed)
    worker.handler.initialize(make_context(packed, config=config))
    assert worker.send(request(PNG))[0].status == 200
