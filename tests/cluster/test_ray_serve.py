"""A service on three real Ray nodes, of which replicas and nodes are killed and exchanged while clients ask.

What is counted beside the answers is that of all, and so are labels.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.tiny import CLASSES, HANDLER, tiny_checkpoint

from groupnl.archive.model_config import ServingSettings
from groupnl.archive.pack import pack
from groupnl_studies.harness.photographs import photograph

pytest.importorskip("ray", reason="the extra ray is not installed")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]  # a machine that is busy with other tests starts nodes slowly
PHASES = ("quiet", "replica killed", "node killed", "candidate promoted in place")
LOST_S = 3.0  # of a killed replica's counts: it hands them over once a second, and a busy machine is late
SHADOW = {
    "share": 1.0,
    "corruptions": ["contrast"],
    "severities": [1],
    "twin": "twin",
    "remembered_similar": 0,
    "time_share": 1.0,
    "niceness": 0,  # beside other tests
}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory, networks_exported_once: None) -> dict[str, Any]:
    """What `groupnl study cluster` has found; it can do more, in twice the time."""
    folder = tmp_path_factory.mktemp("ray")
    checkpoint = tiny_checkpoint(folder)
    settings = ServingSettings(workers=1, batch_size=8, max_batch_delay_ms=5, handler=HANDLER | {"shadow": SHADOW})
    probe = _probe(folder / "probe")
    old = pack(checkpoint, folder / "old", "tiny", settings=settings, probe=probe)
    new = pack(checkpoint, folder / "new", "tiny2", version="2.0", settings=settings, probe=probe)
    shutil.copy(new, old.with_name("twin.mar"))
    figures = folder / "found.json"
    words = ["study", "cluster", old, "--next", new, "--clients", "3", "--seconds", "2", "--brief", "--json", figures]
    done = subprocess.run(
        [sys.executable, "-m", "groupnl.cli", *words], cwd=folder, capture_output=True, text=True, check=False
    )
    assert figures.exists(), done.stdout + done.stderr
    return dict(json.loads(figures.read_text()))


def _probe(folder: Path) -> Path:
    for seed, name in enumerate(CLASSES[:2]):
        (folder / name).mkdir(parents=True)
        (folder / name / "one.jpg").write_bytes(photograph(seed))
    return folder


@pytest.mark.parametrize("phase", PHASES)
def test_no_answer_is_lost_and_none_is_wrong(found, phase):
    asked = found[phase]
    assert asked["asked"] > 0
    assert (asked["lost"], asked["wrong"]) == (0, 0), asked


def test_replicas_compute_at_the_priority_of_what_starts_them(found):
    assert found["niceness of the replicas"] == [os.getpriority(os.PRIO_PROCESS, 0)]


def test_two_nodes_shadows_add_up(found):
    compared = found["compared"]
    assert compared["replicas with pairs"] >= 2
    assert compared["chosen"] + compared["thinned"] >= compared["images"]
    answers = found["counted before a kill"]["clients"]
    assert compared["chosen"] + compared["thinned"] + compared["repeated"] == answers
    assert compared["pairs"] + compared["dropped"] == compared["chosen"]
    assert compared["not the sum of the replicas"] == []


def test_twin_candidate_and_probe_set_answer_in_replicas(found):
    """All three are the network that is served."""
    compared = found["compared"]
    assert compared["compared with the twin"] == compared["pairs"] > 0
    assert compared["answered by the candidate"] == compared["as the model did"] == compared["pairs"]
    assert compared["not answered by the candidate"] == 0
    assert compared["probe images"] >= compared["right ones of those"] >= 0
    assert compared["probe images"] > 0


def test_labels_find_the_node_that_has_answered_and_count_once(found):
    compared = found["compared"]
    images = compared["images"]
    assert compared["labels"] == {
        "joined": images,
        "unknown": 1,
        "refused": [images + 1],
        "sent again": {"joined": 0, "refused": images},
    }
    assert compared["labelled later"] == compared["right of those"] == images


def test_the_gate_judges_by_the_totals(found):
    assert found["compared"]["verdicts"] == {"usual rules": "not enough yet", "lenient rules": "promote"}


def test_a_candidate_is_promoted_in_place_and_begins_anew(found):
    assert found["replicas kept in place"] == 2
    assert found["verdicts that are not of the promoted"] == []


def test_the_totals_are_the_clients_count(found):
    assert found["counted before a kill"]["totals"] == found["counted before a kill"]["clients"] > 0


def test_a_kill_costs_what_was_counted_in_the_last_second_at_most(found):
    counted = found["counted after the kills"]
    asked = [found[phase] for phase in ("replica killed", "node killed")]
    lost = sum(LOST_S * phase["asked"] / phase["seconds"] for phase in asked)
    # A replica may have counted an answer that it could not send any more, which another one has given then.
    assert counted["clients"] - lost <= counted["totals"] <= counted["clients"] + 10


def test_what_ends_in_order_costs_nothing(found):
    missing = [
        found[when]["clients"] - found[when]["totals"] for when in ("counted after the kills", "counted at the end")
    ]
    assert missing[0] == missing[1]
