"""A verdict and its reasons, in sentences that claim no more than the counts say, and as JSON."""

from collections.abc import Iterator
from typing import Any

from groupnl.gate.counts import Counts
from groupnl.gate.verdict import NOT_ENOUGH, PROMOTE, VERDICTS, Finding, Rules, Verdict
from groupnl.robustness.statistics import Interval

_MOST_DISAGREEMENTS = 5
_TITLES = {
    "right": "right answers",
    "same": "same answers",
    "kept": "kept under corruption",
    "failed": "without an answer",
    "pairs": "pairs",
    "slowdown": "time",
}


def headline(verdict: Verdict, model: str, candidate: str) -> str:
    """What is to be done, in a line."""
    return f"{VERDICTS[verdict.status]}: {candidate} in the place of {model}{_because(verdict)}"


def reasons(verdict: Verdict, counts: Counts, rules: Rules) -> list[str]:
    """Why, a line each: every figure with its interval, and what it means."""
    findings = verdict.findings
    lines = [
        _line("pairs", _pairs(counts, rules)),
        _line("right", _right(findings.right, rules)),
        _line("same", _same(findings.same, rules, matters=rules.refuses_below or not findings.right.images)),
        _line("kept", _kept(findings.kept, rules)),
        _line("failed", _failed(findings.failed, rules)),
    ]
    if verdict.slowdown is not None:
        lines.append(_line("slowdown", _time(verdict, counts, rules)))
    if counts.disagreements:
        lines.append(f"most frequent differences (model / candidate): {_differences(counts)}")
    return lines + list(_remarks(verdict, rules))


def in_json(verdict: Verdict, counts: Counts, rules: Rules, model: str, candidate: str) -> dict[str, Any]:
    """The same for programs; shares are 0 to 1, times seconds."""
    return {
        "verdict": VERDICTS[verdict.status],
        "status": verdict.status,
        "model": model,
        "candidate": candidate,
        "pairs": counts.images,
        "bad": list(verdict.bad),
        "missing": list(verdict.missing),
        "nobody_knows_who_is_right": verdict.is_blind,
        "findings": {name: _finding(finding) for name, finding in verdict.findings._asdict().items()},
        "seconds": dict(counts.seconds),
        "slowdown": verdict.slowdown,
        "disagreements": [one._asdict() for one in counts.disagreements],
        "rules": rules._asdict(),
        "reasons": reasons(verdict, counts, rules),
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return finding._asdict() | {"interval": list(finding.interval)}


def _because(verdict: Verdict) -> str:
    names = verdict.bad or verdict.missing
    return f" ({', '.join(_TITLES[name] for name in names)})" if names else ""


def _line(name: str, sentence: str) -> str:
    return f"{_TITLES[name]}: {sentence}"


def _pairs(counts: Counts, rules: Rules) -> str:
    lacking = rules.min_pairs - counts.images
    asked = f"{_number(counts.images)} images answered by both, {_number(rules.min_pairs)} asked for"
    return f"{asked}; {_number(lacking)} more" if lacking > 0 else asked


def _right(finding: Finding, rules: Rules) -> str:
    if finding.value is None:
        return "of no image the class is known (X-Label, or POST /labels)"
    return (
        f"the candidate's accuracy minus the model's is {_difference(finding)}, on {_number(finding.images)} images "
        f"whose class is known; {_loss(finding, rules.max_loss)}"
    )


def _same(finding: Finding, rules: Rules, *, matters: bool) -> str:
    """Of the least share only where it matters: given by name, or in the place of labels."""
    if finding.value is None:
        return "none yet"
    figure = (
        f"{_percent(finding.value)} ({_span(finding.interval)}) of {_number(finding.images)} images without "
        f"corruption, so their accuracies differ by {100 * (1 - finding.interval.low):.1f} points at most"
    )
    least = _percent(rules.min_agreement)
    if not matters:
        return figure
    if finding.state == "good":
        return f"{figure}; not fewer than {least}"
    if finding.interval.high < rules.min_agreement:
        return f"{figure}; certainly fewer than {least}"
    return f"{figure}; whether they are fewer than {least} is not decided{_more(finding)}"


def _kept(finding: Finding, rules: Rules) -> str:
    if finding.value is None:
        return "none yet"
    return (
        f"answers that the candidate keeps minus those that the model keeps are {_difference(finding)}, on "
        f"{_number(finding.images)} images; {_loss(finding, rules.max_loss_corrupted)}"
    )


def _failed(finding: Finding, rules: Rules) -> str:
    if finding.value is None:
        return "none yet"
    figure = f"{_percent(finding.value)} ({_span(finding.interval)}) of {_number(finding.images)} images"
    most = _percent(rules.max_failures)
    return (
        figure
        + {
            "good": f"; not more than {most}",
            "bad": f"; certainly more than {most}",
            "open": f"; whether it is more than {most} is not decided{_more(finding)}",
        }[finding.state]
    )


def _time(verdict: Verdict, counts: Counts, rules: Rules) -> str:
    model, candidate = (f"{1000 * counts.seconds[network]:.1f} ms" for network in ("model", "candidate"))
    most = "" if rules.max_slowdown is None else f"; at most {rules.max_slowdown:g} times is asked for"
    return f"the candidate takes {candidate} an image, the model {model}: {verdict.slowdown:.2f} times as long{most}"


def _loss(finding: Finding, most: float) -> str:
    return {
        "good": f"a loss of more than {_points(most)} is excluded",
        "bad": f"a loss of more than {_points(most)} is certain",
        "open": f"whether it loses more than {_points(most)} is not decided{_more(finding)}",
    }[finding.state]


def _more(finding: Finding) -> str:
    if finding.more is None:
        return " and lies so near that a thousand times as many images would not decide it"
    return f": about {_about(finding.more)} more images would decide, if all goes on so"


def _differences(counts: Counts) -> str:
    shown = counts.disagreements[:_MOST_DISAGREEMENTS]
    return ", ".join(f"{one.model_class} / {one.candidate_class} {_number(one.images)}" for one in shown)


def _remarks(verdict: Verdict, rules: Rules) -> Iterator[str]:
    findings = verdict.findings
    if verdict.is_blind:
        most = _percent(1 - findings.same.interval.low)
        yield f"nobody knows who is right where the two differ: on up to {most} of the images; labels would tell"
    elif (
        verdict.status == NOT_ENOUGH and "same" in verdict.missing and findings.same.interval.high < rules.min_agreement
    ):
        yield (
            "nobody knows who is right where the two differ, and more images will not tell: labels decide (X-Label, or "
            "POST /labels), or a smaller --min-agreement"
        )
    elif verdict.status == NOT_ENOUGH and not findings.right.images:
        yield "nobody knows who is right where the two differ; labels decide sooner (X-Label, or POST /labels)"
    if verdict.status == PROMOTE and findings.kept.state == "open":
        yield "whether it keeps fewer of its answers under corruption is not decided; labels have decided by themselves"
    yield "intervals may be looked at any time; all together hold with 95 %, as long as images do not come again"


def _difference(finding: Finding) -> str:
    low, high = finding.interval
    return f"{100 * (finding.value or 0.0):+.1f} points ({100 * low:+.1f} to {100 * high:+.1f})"


def _points(share: float) -> str:
    value = f"{100 * share:g}"
    return f"{value} point" if value == "1" else f"{value} points"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _span(interval: Interval) -> str:
    return f"{100 * interval.low:.1f} to {100 * interval.high:.1f} %"


def _about(count: float) -> str:
    return _number(float(f"{max(count, 1.0):.2g}"))


def _number(count: float) -> str:
    return f"{count:,.0f}"
