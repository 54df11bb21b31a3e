"""A service on three real Ray nodes, of which replicas and nodes are killed and exchanged while clients ask."""

import json
import subprocess
import sys
from typing import Any

import pytest
from support.tiny import HANDLER, tiny_checkpoint

from groupnl.archive.model_config import ServingSettings
from groupnl.archive.pack import pack

pytest.importorskip("ray", reason="the extra ray is not installed")

pytestmark = pytest.mark.slow
PHASES = ("quiet", "replica killed", "node killed", "another version in place")
LOST_S = 3.0  # of a killed replica's counts: it hands them over once a second, and a busy machine is late


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What `groupnl study cluster` has found; it can do more, in twice the time."""
    folder = tmp_path_factory.mktemp("ray")
    checkpoint = tiny_checkpoint(folder)
    handler = HANDLER | {"shadow": {"share": 1.0, "corruptions": ["contrast"], "severities": [1]}}
    settings = ServingSettings(workers=1, batch_size=8, max_batch_delay_ms=5, handler=handler)
    old = pack(checkpoint, folder / "old", "tiny", settings=settings)
    new = pack(checkpoint, folder / "new", "tiny", version="2.0", settings=settings)
    figures = folder / "found.json"
    words = ["study", "cluster", old, "--next", new, "--clients", "3", "--seconds", "2", "--brief", "--json", figures]
    done = subprocess.run(
        [sys.executable, "-m", "groupnl.cli", *words], cwd=folder, capture_output=True, text=True, check=False
    )
    assert figures.exists(), done.stdout + done.stderr
    return dict(json.loads(figures.read_text()))


@pytest.mark.parametrize("phase", PHASES)
def test_no_answer_is_lost_and_none_is_wrong(found, phase):
    asked = found[phase]
    assert asked["asked"] > 0
    assert (asked["lost"], asked["wrong"]) == (0, 0), asked


def test_a_version_is_exchanged_in_place(found):
    assert found["replicas kept in place"] == 3


def test_the_totals_are_the_clients_count(found):
    assert found["counted before a kill"]["collector"] == found["counted before a kill"]["clients"] > 0


def test_a_kill_costs_what_was_counted_in_the_last_second_at_most(found):
    counted = found["counted after the kills"]
    asked = [found[phase] for phase in ("replica killed", "node killed")]
    lost = sum(LOST_S * phase["asked"] / phase["seconds"] for phase in asked)
    # A replica may have counted an answer that it could not send any more, which another one has given then.
    assert counted["clients"] - lost <= counted["collector"] <= counted["clients"] + 10


def test_what_ends_in_order_costs_nothing(found):
    missing = [
        found[when]["clients"] - found[when]["collector"] for when in ("counted after the kills", "counted at the end")
    ]
    assert missing[0] == missing[1]
