"""A served model and its candidate on the same images: how often they agree, who fails, who holds, who is right."""

from collections.abc import Mapping

from groupnl.metrics import (
    CANDIDATE_AGREES,
    CANDIDATE_FAILURES,
    CANDIDATE_HOLDS,
    CANDIDATE_IMAGES,
    CANDIDATE_RIGHT,
    LATE_CANDIDATE_RIGHT,
    ONLY_CANDIDATE_RIGHT,
    ONLY_MODEL_RIGHT,
    Family,
)
from groupnl.monitoring.promql import counted, ratio, wilson
from groupnl.monitoring.recorded.verdict import verdict_rules
from groupnl.monitoring.recording import CANDIDATE, SPANS, named
from groupnl.monitoring.rules import Recording

# Who kept its answer under corruption, and who was right, have the same names of outcomes.
ONE_ALONE = (ONLY_MODEL_RIGHT, ONLY_CANDIDATE_RIGHT)
HOLDS, RIGHT = "candidate_holds_", "candidate_right_"


def candidate_rules() -> list[Recording]:
    """Agreement and failures of late and since the start; the two verdicts, 1 model, -1 candidate, 0 undecided."""
    return [
        *[rule for span in SPANS for rule in _agreement(span)],
        *verdict_rules(CANDIDATE, _alone(CANDIDATE_HOLDS), HOLDS),
        *verdict_rules(CANDIDATE, _alone(CANDIDATE_RIGHT, LATE_CANDIDATE_RIGHT), RIGHT),
    ]


def _agreement(span: str) -> list[Recording]:
    images, agreement = (named(CANDIDATE, figure, span) for figure in ("candidate_images", "candidate_agreement"))
    failures = counted(CANDIDATE_FAILURES, CANDIDATE, span)
    return [
        Recording(images, counted(CANDIDATE_IMAGES, CANDIDATE, span)),
        Recording(agreement, ratio(counted(CANDIDATE_AGREES, CANDIDATE, span), images)),
        Recording(named(CANDIDATE, "candidate_agreement_lower", span), wilson(agreement, images, -1)),
        Recording(named(CANDIDATE, "candidate_agreement_upper", span), wilson(agreement, images, 1)),
        Recording(named(CANDIDATE, "candidate_failed", span), ratio(failures, f"({images} + {failures})")),
    ]


def _alone(*families: Family) -> Mapping[str, str]:
    """Images of which one alone held, or was right; labels come with the request or later."""
    return {
        outcome: _sum(*[counted(family, CANDIDATE, where=f'outcome="{outcome}"') for family in families])
        for outcome in ONE_ALONE
    }


def _sum(*counts: str) -> str:
    """Also where one of them counts nothing."""
    return "\nor\n".join([" + ".join(counts), *counts]) if len(counts) > 1 else counts[0]
