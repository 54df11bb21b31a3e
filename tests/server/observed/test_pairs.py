"""groupnl.server.observed.pairs: however many workers end, their pairs of classes are bounded, and none is lost."""

import json
from pathlib import Path

from groupnl.metrics import CANDIDATE_DISAGREEMENTS, OTHER_CLASS, PREDICTED
from groupnl.server.labels.late_counts import LateCounts
from groupnl.server.observed.pairs import MOST_PAIRS
from groupnl.server.observed.worker_files import WorkerFiles


def _of_a_worker(number: int, candidate: str = "new") -> LateCounts:
    """Fifty pairs of its own, one that all have, and others."""
    counts = LateCounts()
    pairs = [(f"{number}", f"{other}") for other in range(50)] + [("cat", "dog")] * 9 + [(OTHER_CLASS, OTHER_CLASS)]
    for ours, theirs in pairs:
        labels = {"candidate": candidate, "model": "tiny", "model_class": ours, "candidate_class": theirs}
        counts.inc(CANDIDATE_DISAGREEMENTS, **labels)
    return counts


def test_pairs_of_many_workers_are_those_of_one(tmp_path: Path) -> None:
    workers = WorkerFiles(tmp_path)
    odd = LateCounts()  # a class may be called as it likes
    odd.inc(PREDICTED, 7, **{"model": "tiny", "class": CANDIDATE_DISAGREEMENTS.name})
    workers.add(odd.sums())
    for number in range(8):
        for candidate in ("new", "newer"):
            workers.add(_of_a_worker(number, candidate).sums())
    counts = workers.sums()["counter"]
    labels = {key: json.loads(key)[2] for key in counts}
    for candidate in ("new", "newer"):
        found = {key: value for key, value in counts.items() if labels[key].get("candidate") == candidate}
        assert sum(found.values()) == 8 * 60
        assert len(found) == MOST_PAIRS + 1
        assert [value for key, value in found.items() if labels[key]["model_class"] == "cat"] == [72]
    assert [value for key, value in counts.items() if "class" in labels[key]] == [7]
