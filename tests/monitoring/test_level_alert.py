"""The ticket on the level of all corruptions: Prometheus says what the study's emulator says, and soon enough."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.expressions import RULE_FILES
from support.needed_rules import with_needed_rules
from support.prometheus import promtool

from groupnl.monitoring.config import MonitoringConfig
from groupnl.monitoring.recording import Baseline
from groupnl.monitoring.rule_files import rule_files
from groupnl_studies.statistics.level import CASES, STEP_S, Case, Counts, Shares, delay_h, fires, simulated

GROUPS = ["groupnl_agreement", "groupnl_long", "groupnl_robustness"]
STEPS_A_DAY = 86_400 // STEP_S
_USUAL = np.array([0.55, 0.7, 0.85])
A_DAY = 1000 / 86_400
FIRING = 'ALERTS{alertname="GroupNLAgreementBelowExpected", alertstate="firing"}'


def levels(*parts: tuple[float, float]) -> Shares:
    """Agreement at each step; parts are days and points below the usual."""
    return np.concatenate([np.full(int(days * STEPS_A_DAY), _USUAL.mean() - fall) for days, fall in parts])


def series(pairs: Counts, flips: Counts) -> list[dict[str, str]]:
    found = []
    for index, usual in enumerate(_USUAL):
        labels = f'model="m", corruption="c{index}"'
        for name, counts in (("pairs", pairs), ("flips", flips)):
            values = " ".join(["0", *np.cumsum(counts[:, index]).astype(str)])
            found.append({"series": f'groupnl_shadow_{name}_total{{{labels}, severity="1"}}', "values": values})
        ratio = f"groupnl_offline_agreement_ratio{{{labels}}}"
        found.append({"series": ratio, "values": f"{usual}x{len(pairs)}"})
    return found


def samples(labels: str, values: list[float]) -> list[dict[str, Any]]:
    return [{"labels": labels, "value": value} for value in values]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "rate", "parts", "comes"),
    [
        ("thin, falls by 20 points and comes back", A_DAY, [(1, 0), (2, 0.2), (1, 0)], True),
        ("0.1/s, falls by 10 points", 0.1, [(1, 0), (1.5, 0.1)], True),
        ("1/s, falls by 10 points", 1, [(1, 0), (0.5, 0.1)], True),
        ("10/s, falls by 20 points and comes back", 10, [(0.5, 0), (0.25, 0.2), (0.75, 0)], True),
        ("0.1/s, stable", 0.1, [(2, 0)], False),
    ],
)
def test_prometheus_and_the_emulator_agree(
    tmp_path: Path, name: str, rate: float, parts: list[tuple[float, float]], comes: bool
) -> None:
    pairs, flips = simulated(levels(*parts), rate, np.random.default_rng(5), _USUAL)
    firing = fires(pairs, flips, _USUAL)
    assert firing.any() == comes
    steps = np.flatnonzero(firing)
    first = [float((steps[0] + 1) * STEP_S)] if comes else []  # the counters begin at 0, one step earlier
    count = [float(len(steps))] if comes else []
    end = f"{len(pairs) * STEP_S // 60}m"
    labels = '{alertname="GroupNLAgreementBelowExpected", alertstate="firing", model="m", severity="ticket"}'
    cases = [
        {"expr": f"count_over_time({FIRING}[30d])", "eval_time": end, "exp_samples": samples(labels, count)},
        {
            "expr": f"min_over_time(timestamp({FIRING})[30d:4m])",
            "eval_time": end,
            "exp_samples": samples(labels, first),
        },
    ]
    content = {
        "rule_files": [str(file) for file in RULE_FILES if file.stem in GROUPS],
        "evaluation_interval": f"{STEP_S}s",
        "group_eval_order": GROUPS,
        "tests": [
            {
                "name": name,
                "interval": f"{STEP_S}s",
                "input_series": series(pairs, flips),
                "promql_expr_test": cases,
            }
        ],
    }
    assert "SUCCESS" in promtool("test", "rules", with_needed_rules(content, tmp_path, tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize(("baseline", "fires_at"), [("offline", {"13d", "15d", "18d"}), ("own", {"18d"})])
def test_a_service_may_be_compared_with_its_own_level(tmp_path: Path, baseline: Baseline, fires_at: set[str]) -> None:
    """Live images are 8 points harder than those before packing, always; after 17 days the agreement falls."""
    for name, text in rule_files(MonitoringConfig(baseline=baseline)).items():
        if Path(name).stem in GROUPS:
            (tmp_path / Path(name).name).write_text(text)
    before, after = f"0+100x{17 * STEPS_A_DAY}", "{}+100x400"
    counters = {"pairs": f"{before} {after.format(100 * 17 * STEPS_A_DAY)}"}
    counters["flips"] = f"0+38x{17 * STEPS_A_DAY} {38 * 17 * STEPS_A_DAY}+50x400"
    labels = 'model="m", corruption="fog"'
    inputs = [
        {"series": f'groupnl_shadow_{name}_total{{{labels}, severity="1"}}', "values": values}
        for name, values in counters.items()
    ]
    inputs.append({"series": f"groupnl_offline_agreement_ratio{{{labels}}}", "values": f"0.7x{18 * STEPS_A_DAY}"})
    alert = '{alertname="GroupNLAgreementBelowExpected", alertstate="firing", model="m", severity="ticket"}'
    cases = [
        {"expr": f"{FIRING}", "eval_time": time, "exp_samples": samples(f"ALERTS{alert}", [1.0] * (time in fires_at))}
        for time in ("13d", "15d", "18d")
    ]
    content = {
        "rule_files": [f"{group}.yml" for group in GROUPS],
        "evaluation_interval": "1h",
        "group_eval_order": GROUPS,
        "tests": [
            {
                "name": baseline,
                "interval": f"{STEP_S}s",
                "input_series": inputs,
                "promql_expr_test": cases,
            }
        ],
    }
    assert "SUCCESS" in promtool("test", "rules", with_needed_rules(content, tmp_path, tmp_path))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_ticket_comes_in_time_or_not_at_all(case: Case) -> None:
    rng = np.random.default_rng(7)
    delays = np.array([delay_h(case, rng) for _ in range(8)])
    if case.fall == 0:
        assert np.isinf(delays).all()
    else:
        assert (delays <= case.within_h).mean() >= case.share
