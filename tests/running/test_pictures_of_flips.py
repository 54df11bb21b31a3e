"""`groupnl serve --keep-examples`: what lies in the folder while the service runs, and after a start without."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from support.server import Server, only_ours
from support.tiny import CLASSES, HANDLER, tiny_card
from support.undecided import as_input, file_of, network, pixels_of
from support.waiting import until

from groupnl.archive.model_config import ServingSettings
from groupnl.archive.pack import pack
from groupnl.models import save_checkpoint
from groupnl.robustness.examples import read_examples

Start = Callable[..., Server]
SHADOW = {"corruptions": ["contrast"], "severities": [5], "share": 1.0, "time_share": 1.0}
SHADOW |= {"max_lag_s": 600.0, "niceness": 0}  # however busy the machine is
LIMIT_S = 150


@only_ours
@pytest.mark.timeout(300)
def test_flips_are_kept_and_gone_with_a_start_without(start: Start, tmp_path: Path) -> None:
    checkpoint = tmp_path / "tiny.safetensors"
    save_checkpoint(checkpoint, network(0).state_dict(), tiny_card())
    settings = ServingSettings(workers=1, handler=HANDLER | {"shadow": SHADOW})
    archive = pack(checkpoint, tmp_path, "tiny", settings=settings)
    folder = tmp_path / "flips"
    server = start("--models", f"tiny={archive}", "--keep-examples", "2", "--examples-dir", str(folder))
    assert f"keeping pictures of clients: the newest 2 flips of each model, in {folder}" in server.wait_for("Ctrl-C")
    asked = 0

    def two_are_kept() -> bool:
        nonlocal asked
        assert server.predict("tiny", file_of(asked)).status == 200
        asked += 1
        return len(read_examples(folder)) == 2

    until(two_are_kept, LIMIT_S)
    assert server.stop() == 0
    assert folder.stat().st_mode & 0o777 == 0o700

    live = {pixels_of(number).numpy().tobytes(): number for number in range(asked)}
    newest, older = read_examples(folder)
    assert newest.record.answered > older.record.answered
    for example in (newest, older):
        assert (example.record.model, example.record.corruption, example.record.severity) == ("tiny", "contrast", 5)
        for png, said in ((example.original, example.record.original), (example.corrupted, example.record.corrupted)):
            pixels = torch.from_numpy(np.array(Image.open(io.BytesIO(png)))).permute(2, 0, 1)
            assert (pixels.numpy().tobytes() in live) == (png == example.original)
            with torch.inference_mode():
                answer = network(0)(as_input(pixels[None])).softmax(1)[0]
            assert said.best == CLASSES[int(answer.argmax())]
            assert said.confidence == pytest.approx(float(answer.max()), abs=1e-4)
        assert example.record.original.best != example.record.corrupted.best

    server = start("--models", f"tiny={archive}", "--examples-dir", str(folder))
    server.wait_for("Ctrl-C")
    assert [*folder.iterdir()] == []
    assert server.stop() == 0
