"""Shadow answers, twin, candidate, probe set and labels of a service of several replicas, as its totals show them."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from groupnl.gate.counts import counts_of
from groupnl.gate.verdict import VERDICTS, Rules, verdict
from groupnl.metrics import (
    CANDIDATE_AGREES,
    CANDIDATE_FAILURES,
    CANDIDATE_IMAGES,
    CLEAN,
    LATE_LABELLED,
    LATE_LABELLED_CORRECT,
    PAIRED_OUTCOMES_TOTAL,
    PROBE_CORRECT,
    PROBE_IMAGES,
    SHADOW_DROPPED,
    SHADOW_PAIRS,
    SHADOW_REPEATED,
    SHADOW_SAMPLED,
    SHADOW_THINNED,
    Family,
)
from groupnl.report.samples import read_endpoint
from groupnl_studies.cluster.pages import Counted, Pages, total

_FIGURES: Mapping[str, Family] = {
    "chosen": SHADOW_SAMPLED,
    "repeated": SHADOW_REPEATED,
    "thinned": SHADOW_THINNED,
    "dropped": SHADOW_DROPPED,
    "pairs": SHADOW_PAIRS,
    "compared with the twin": PAIRED_OUTCOMES_TOTAL,
    "answered by the candidate": CANDIDATE_IMAGES,
    "as the model did": CANDIDATE_AGREES,
    "not answered by the candidate": CANDIDATE_FAILURES,
    "probe images": PROBE_IMAGES,
    "right ones of those": PROBE_CORRECT,
}
# So that a candidate that answers as the model does is promoted on some dozen images.
LENIENT = Rules(min_pairs=1, max_loss=0.9, max_loss_corrupted=0.9, min_agreement=0.5, max_failures=0.5)


def figures(totals: Counted, model: str) -> dict[str, int]:
    """What is counted of a model, and of its later labels."""
    of_labels = {"labelled later": LATE_LABELLED, "right of those": LATE_LABELLED_CORRECT}
    return {
        **{name: total(totals, family, model=model) for name, family in _FIGURES.items()},
        **{name: total(totals, family, model=model, **CLEAN) for name, family in of_labels.items()},
    }


def waiting(totals: Counted) -> int:
    """Chosen images that are neither answered again nor dropped."""
    return total(totals, SHADOW_SAMPLED) - total(totals, SHADOW_PAIRS) - total(totals, SHADOW_DROPPED)


def verdicts(pages: Pages, model: str, candidate: str) -> dict[str, str]:
    """What the gate says at the address of the totals: with its usual rules, and with lenient ones."""
    counts = counts_of(read_endpoint(pages.url), model, candidate)
    return {name: VERDICTS[verdict(counts, rules).status] for name, rules in _RULES.items()}


def labelled(pages: Pages, model: str, images: Sequence[bytes], classes: Sequence[str]) -> dict[str, Any]:
    """What becomes of labels of these images, of one that nobody has asked about, and of a class that there is not.

    Args:
        pages: where they are sent.
        model: that has answered.
        images: that it was asked about, without a key.
        classes: those that it has named.
    """
    labels = [_label(model, image, name) for image, name in zip(images, classes, strict=True)]
    strange = [_label(model, b"never asked", classes[0]), _label(model, images[0], "no such class")]
    first, again = pages.send_labels(labels + strange), pages.send_labels(labels)
    return {
        **{name: first[name] for name in ("joined", "unknown")},
        "refused": [one["position"] for one in first["refused"]],
        "sent again": {"joined": again["joined"], "refused": len(again["refused"])},
    }


def _label(model: str, image: bytes, name: str) -> dict[str, Any]:
    return {"model": model, "key": hashlib.blake2b(image, digest_size=16).hexdigest(), "label": name}


_RULES = {"usual rules": Rules(), "lenient rules": LENIENT}
