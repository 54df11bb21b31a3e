"""The ticket on the level of all corruptions: Prometheus says what the study's emulator says, and soon enough."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from support.expressions import RULE_FILES
from support.prometheus import promtool

from groupnl_studies.statistics.level import CASES, STEP_S, Case, Counts, Shares, delay_h, fires, simulated

GROUPS = ["groupnl_agreement", "groupnl_long", "groupnl_robustness"]
NEEDED = re.compile(
    r"GroupNLAgreementBelowExpected|usual_agreement|^model(_corruption)?:groupnl_(pairs|flips|agreement|\w+_agreement|\w+_flips):\d"
)
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


def needed_rules(file: Path, folder: Path) -> Path:
    """A file of rules without those that the ticket does not need, which are most."""
    content = yaml.safe_load(file.read_text())
    (group,) = content["groups"]
    group["rules"] = [rule for rule in group["rules"] if NEEDED.search(rule.get("record") or rule["alert"])]
    (folder / file.name).write_text(yaml.safe_dump(content))
    return folder / file.name


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
        "rule_files": [str(needed_rules(file, tmp_path)) for file in RULE_FILES if file.stem in GROUPS],
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
    file = tmp_path / "level.yml"
    file.write_text(yaml.safe_dump(content))
    assert "SUCCESS" in promtool("test", "rules", file)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_ticket_comes_in_time_or_not_at_all(case: Case) -> None:
    rng = np.random.default_rng(7)
    delays = np.array([delay_h(case, rng) for _ in range(8)])
    if case.fall == 0:
        assert np.isinf(delays).all()
    else:
        assert (delays <= case.within_h).mean() >= case.share
