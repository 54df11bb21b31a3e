"""Pairs of classes that a candidate and its model call differently: of workers that are gone, as many as of one."""

import json
from collections import defaultdict
from collections.abc import Mapping

from groupnl.metrics import CANDIDATE_DISAGREEMENTS, OTHER_CLASS

MOST_PAIRS = 50  # of a candidate, that are counted by themselves
_METRIC = CANDIDATE_DISAGREEMENTS.name.removesuffix("_total")
_CLASSES = ("model_class", "candidate_class")


def has_pairs(counts: Mapping[str, float]) -> bool:
    """Whether any of these series counts such a pair; by the library's keys."""
    return any(_others(key) is not None for key in counts)


def with_frequent_pairs(counts: Mapping[str, float]) -> dict[str, float]:
    """The same counts, in which the rarer pairs are counted as others: each worker chooses pairs of its own.

    Args:
        counts: the library's key of a series -> what was counted.
    """
    kept = dict(counts)
    pairs: defaultdict[str, list[str]] = defaultdict(list)
    for key in counts:
        others = _others(key)
        if others is not None and others != key:
            pairs[others].append(key)
    for others, keys in pairs.items():
        for key in sorted(keys, key=lambda key: -counts[key])[MOST_PAIRS:]:
            kept[others] = kept.get(others, 0.0) + kept.pop(key)
    return kept


def _others(key: str) -> str | None:
    """The key of the series that counts all other pairs of the same candidate; None where the key's counts no pair."""
    if _METRIC not in key:  # quick: most keys are of something else
        return None
    metric, series, labels, told = json.loads(key)
    if metric != _METRIC:
        return None
    return json.dumps([metric, series, labels | dict.fromkeys(_CLASSES, OTHER_CLASS), told], sort_keys=True)
