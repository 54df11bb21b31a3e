"""Every group of recording rules, in the order in which Prometheus may compute them."""

from collections.abc import Sequence

from groupnl.monitoring.recorded.agreement import agreement_rules, long_agreement_rules
from groupnl.monitoring.recorded.candidate import candidate_rules
from groupnl.monitoring.recorded.drift import broken_rules, drift_rules, long_drift_rules
from groupnl.monitoring.recorded.estimate import estimate_rules
from groupnl.monitoring.recorded.late_labels import late_label_rules
from groupnl.monitoring.recorded.level import level_rules, long_level_rules
from groupnl.monitoring.recorded.mixture import long_mixture_rules, mixture_rules
from groupnl.monitoring.recorded.service import long_service_rules, service_rules
from groupnl.monitoring.recorded.truth import truth_rules
from groupnl.monitoring.recorded.twin import twin_rules
from groupnl.monitoring.recording import Baseline
from groupnl.monitoring.rules import Recording

LONG_GROUP = "groupnl_long"  # computed every `LONG_INTERVAL`


def recordings(baseline: Baseline = "offline") -> dict[str, Sequence[Recording]]:
    """Every group, by its name; a group's rules are computed in order.

    Args:
        baseline: what live agreement is compared with.
    """
    return {
        "groupnl_agreement": [*agreement_rules(), *level_rules(baseline)],
        "groupnl_twin": twin_rules(),
        "groupnl_truth": [*truth_rules(), *late_label_rules()],
        "groupnl_traffic": [*mixture_rules(), *drift_rules()],
        "groupnl_candidate": candidate_rules(),
        "groupnl_service": service_rules(),
        LONG_GROUP: [
            *long_agreement_rules(),
            *long_level_rules(baseline),
            *long_service_rules(),
            *long_mixture_rules(),
            *long_drift_rules(),
        ],
        "groupnl_estimate": [*broken_rules(), *estimate_rules()],
    }
