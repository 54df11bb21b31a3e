"""The alerts on the traffic: what it looks like, how far it is from the held-back images. By size, never by a p-value.

Each window tells where there is enough traffic for it, the shortest one first.
"""

from groupnl.monitoring.promql import IS_CORRUPTED
from groupnl.monitoring.recorded.drift import BROKEN, OF_ANSWERS, OF_PIXELS
from groupnl.monitoring.recorded.mixture import CLEAN_OFFLINE
from groupnl.monitoring.recording import (
    ACCURACY_MARGIN,
    CORRUPTION,
    DAY,
    FIGURE,
    MODEL,
    STATISTIC,
    TRAFFIC_SPANS,
    WEEK,
    Baseline,
    named,
)
from groupnl.monitoring.rules import Alert
from groupnl.traffic.drift import (
    ANSWER_MARGIN,
    CLASS_MARGIN,
    LEAST_IMAGES,
    SHARE_MARGIN,
    SHARE_Z,
    STATISTIC_MARGIN,
)
from groupnl.traffic.mixture import ACCURACY

HOLD = "1m"  # the windows are long already
KEPT = "1h"  # traffic that comes in bursts is told of once
OF_ACCURACY = f'figure="{ACCURACY}"'
WINDOWS = f"{', '.join(TRAFFIC_SPANS[:-1])} or {TRAFFIC_SPANS[-1]}"


def traffic_alerts(baseline: Baseline) -> list[Alert]:
    """All of them.

    Args:
        baseline: what the accuracy that is expected of the traffic is compared with.
    """
    return [_looks_corrupted(), _unlike(), _expected_accuracy(baseline), _broken()]


def _looks_corrupted() -> Alert:
    loss = named(CORRUPTION, "traffic_loss", DAY)
    asked = f"{loss}{{model='%s', corruption='%s'}}"
    return Alert(
        "GroupNLTrafficLooksCorrupted",
        "\nor\n".join(_surely_corrupted(span) for span in TRAFFIC_SPANS),
        HOLD,
        "ticket",
        "{{ $labels.model }}: {{ $value | humanizePercentage }} of the images look like {{ $labels.corruption }}",
        f'{{{{ range query (printf "{asked}" $labels.model $labels.corruption) }}}}Held-back images that were so cost '
        "the model {{ .Value | humanizePercentage }} of accuracy. {{ end }}"
        f"Surely more than {SHARE_MARGIN:.0%} of the images of the last {WINDOWS}. Dark images, or pictures of other "
        "things, take the name that comes nearest: then GroupNLTrafficUnlike tells of answers, too.",
        KEPT,
    )


def _surely_corrupted(span: str) -> str:
    share, middle, error = (named(CORRUPTION, f"traffic_share{part}", span) for part in ("", "_middle", "_error"))
    return (
        f"{share}{{{IS_CORRUPTED}}}\nand {middle} - {SHARE_Z[span]:g} * {error} > {SHARE_MARGIN:g}\n"
        f"and on (model) {named(MODEL, 'looked_at', span)} >= {LEAST_IMAGES}"
    )


def _unlike() -> Alert:
    return Alert(
        "GroupNLTrafficUnlike",
        "\nor\n".join(_far_off(span) for span in TRAFFIC_SPANS),
        HOLD,
        "ticket",
        "{{ $labels.model }}: live images are unlike the held-back ones in {{ $labels.statistic }}",
        "{{ $value | humanizePercentage }} of them would have to be others, beyond what chance allows; of the last "
        f"{WINDOWS}. What was measured before packing says less of them.",
        KEPT,
    )


def _far_off(span: str) -> str:
    ranks, classes = named(STATISTIC, "rank_gap_beyond", span), named(MODEL, "class_gap_beyond", span)
    return (
        f"{ranks}{{{OF_ANSWERS}}} > {ANSWER_MARGIN:g}\nor\n{ranks}{{{OF_PIXELS}}} > {STATISTIC_MARGIN:g}\nor\n"
        f'label_replace({classes} > {CLASS_MARGIN:g}, "statistic", "classes", "model", ".*")'
    )


def _expected_accuracy(baseline: Baseline) -> Alert:
    own = f"sum by (model) ({named(FIGURE, 'traffic_expects', DAY)}{{{OF_ACCURACY}}} offset {WEEK})"
    usual = CLEAN_OFFLINE if baseline == "offline" else own
    usually = "before packing, without corruption" if baseline == "offline" else "on the traffic of a week before"
    return Alert(
        "GroupNLExpectedAccuracyFell",
        "\nor\n".join(_surely_lower(span, usual) for span in TRAFFIC_SPANS),
        HOLD,
        "ticket",
        "{{ $labels.model }}: of traffic such as today's {{ $value | humanizePercentage }} is answered right",
        f"Surely more than {ACCURACY_MARGIN * 100:g} points fewer than {usually}; of the last {WINDOWS}. It is what "
        "held-back images gave that were corrupted as live ones look to be.",
        KEPT,
    )


def _surely_lower(span: str, usual: str) -> str:
    expects, middle, error = (
        f"sum by (model) ({named(FIGURE, f'traffic_expects{part}', span)}{{{OF_ACCURACY}}})"
        for part in ("", "_middle", "_error")
    )
    return (
        f"{expects}\nand {middle} + {SHARE_Z[span]:g} * {error} < {usual} - {ACCURACY_MARGIN:g}\n"
        f"and {named(MODEL, 'looked_at', span)} >= {LEAST_IMAGES}"
    )


def _broken() -> Alert:
    return Alert(
        "GroupNLTrafficBroken",
        f"max by (model) ({BROKEN})",
        HOLD,
        "ticket",
        "{{ $labels.model }}: live images are so far from the held-back ones that no estimate of accuracy holds",
        f'In {{{{ range query (printf "{BROKEN}{{model=\'%s\'}}" $labels.model) | sortByLabel "statistic" }}}}'
        "{{ .Labels.statistic }} "
        "({{ .Value | humanizePercentage }}), {{ end }}by size. The label-free accuracy is withdrawn: broken pictures "
        "are answered with confidence.",
        KEPT,
    )
