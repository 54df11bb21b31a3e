"""Labels that come after the answers, through both servers: sent to the metrics port, joined, counted, kept."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from support.pictures import encode, scene
from support.server import Server, ask
from support.shadows import PAIRS_DONE
from support.tiny import CLASSES, HANDLER, tiny_checkpoint
from support.waiting import until_equal

from groupnl.archive.model_config import ServingSettings
from groupnl.archive.pack import pack

Start = Callable[..., Server]
SHADOW = {"corruptions": ["contrast"], "severities": [3], "share": 1.0, "time_share": 1.0}
SHADOW |= {"max_lag_s": 600.0, "niceness": 0}  # however busy the machine is
CLEAN = {"corruption": "none", "severity": "0"}
CORRUPTED = {"corruption": "contrast", "severity": "3"}
LIMIT_S = 150


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two versions of a model whose every answer is repeated, and a candidate."""
    folder = tmp_path_factory.mktemp("archives")
    checkpoint = tiny_checkpoint(folder)
    settings = ServingSettings(workers=2, handler=HANDLER | {"shadow": SHADOW})
    return [
        pack(checkpoint, folder / version, name, version=version, settings=settings)
        for name, version in (("tiny", "1.0"), ("tiny", "2.0"), ("next", "1.0"))
    ]


def _photo(number: int) -> bytes:
    return encode(Image.fromarray(scene()).rotate(number * 40), "PNG")


def _asked(server: Server, number: int, key: str | None) -> str:
    """The best class of an answer."""
    answer = server.predict("tiny", _photo(number), {} if key is None else {"X-Request-Key": key})
    assert answer.status == 200
    return str(next(iter(answer.content)))


def _post(server: Server, *labels: tuple[str, str]) -> tuple[int, int, list[int]]:
    """How many were joined and unknown, and which were refused."""
    body = "\n".join(json.dumps({"model": "tiny", "key": key, "label": label}) for key, label in labels)
    answer = ask(server.metrics, "POST", "/labels", body.encode(), {})
    assert answer.status == 200, answer
    return answer.content["joined"], answer.content["unknown"], [one["position"] for one in answer.content["refused"]]


@pytest.mark.timeout(600)
def test_labels_find_their_answers_also_after_a_restart(start: Start, archives: list[Path], tmp_path: Path) -> None:
    options = ("--state-dir", str(tmp_path / "state"), "--candidate", f"tiny={archives[2]}")
    server = start("--models", f"tiny={archives[0]}", *options)
    server.wait_for("Ctrl-C stops")
    assert server.count("late_labels_total") == server.count("late_labelled_total", **CORRUPTED) == 0
    best = [_asked(server, number, f"order {number}") for number in range(3)]
    unnamed = _asked(server, 3, None)
    wrong = next(name for name in CLASSES if name != best[2])
    until_equal(lambda: server.count(PAIRS_DONE.removeprefix("groupnl_")), 4, LIMIT_S)
    hashed = hashlib.blake2b(_photo(3), digest_size=16).hexdigest()
    assert _post(server, ("order 1", best[1]), (hashed, unnamed), ("order 2", wrong), ("order 9", wrong)) == (3, 1, [])
    assert _post(server, ("order 1", best[1]), ("order 0", "purple")) == (0, 0, [0, 1])
    outcomes = [server.count("late_labels_total", outcome=outcome) for outcome in ("joined", "unknown", "refused")]
    assert outcomes == [3, 1, 2]
    for cell in (CLEAN, CORRUPTED):
        assert server.count("late_labelled_total", **cell) == 3
    assert server.count("late_labelled_correct_total", **CLEAN) == 2
    assert server.count("label_delay_seconds_count") == 3
    rights = [server.count("late_candidate_right_total", outcome=one) for one in ("both_right", "both_wrong")]
    assert rights == [2, 1]  # the same network twice
    assert server.stop() == 0
    if server.kind == "groupnl":
        server = start("--models", f"tiny={archives[0]}", "--workers", "1", *options)
        server.wait_for("Ctrl-C stops")
        assert _post(server, ("order 0", best[0]), ("order 1", best[1])) == (1, 0, [1])
        assert server.count("late_labelled_correct_total", **CLEAN) == 3
        _another_archive(server, archives[1])
        assert server.stop() == 0


def _another_archive(server: Server, archive: Path) -> None:
    """Answers of the old one find no labels any more, and what was counted of it is gone."""
    _asked(server, 5, "order 5")
    body = json.dumps({"archive": str(archive)}).encode()
    assert server.manage("POST", "/models/tiny/reload", body).status == 200
    assert _post(server, ("order 5", CLASSES[0])) == (0, 1, [])
    best = _asked(server, 6, "order 6")
    assert _post(server, ("order 6", best)) == (1, 0, [])
    assert server.count("late_labelled_correct_total", **CLEAN) == 1
