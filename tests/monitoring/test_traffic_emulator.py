"""The tickets on the traffic: Prometheus says at each step what the study's emulator says."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import yaml
from support.expressions import RULE_FILES, rules
from support.prometheus import promtool
from support.traffic import tiny_confusion

from groupnl.corruptions.names import CELLS, NAMES, Cell
from groupnl.metrics import TRAFFIC_RANK
from groupnl.traffic.drift import ANSWER_STATISTICS
from groupnl.traffic.mixture import KINDS
from groupnl.traffic.statistics import STATISTICS
from groupnl_studies.statistics.drift import STEP_S, Counts, Service, Shares, packed, tickets

GROUPS = ["groupnl_agreement", "groupnl_traffic", "groupnl_long"]
STEPS = 48
M = 'model="m"'
NEEDED = re.compile(r"even_rank|archives|looks|looked_at|traffic_share|rank|class|predicted")
CHOSEN, ANSWERS = 15, 150  # in a step
EXPRS = {rule["alert"]: rule["expr"] for rule in rules() if "alert" in rule}
ALERTS = ("GroupNLTrafficLooksCorrupted", "GroupNLTrafficUnlike")


def halves(rng: np.random.Generator, images: int, before: Shares, after: Shares) -> Counts:
    """Counts of each step; halfway the shares change."""
    return np.concatenate([rng.multinomial(images, shares, STEPS // 2) for shares in (before, after)])


def counts_of(service: Service, rng: np.random.Generator) -> tuple[Counts, Counts, Counts]:
    """Halfway a fifth of the images is fog's, two statistics move to one end, and all answers name one class."""
    fog = service.rates[1 + CELLS.index(Cell("fog", 3))]
    looks = halves(rng, CHOSEN, service.rates[0], 0.8 * service.rates[0] + 0.2 * fog)
    moved = service.ranks.copy()
    moved[[0, -1]] = np.eye(moved.shape[1])[0]
    ranks = np.stack([halves(rng, CHOSEN, *two) for two in zip(service.ranks, moved, strict=True)], axis=1)
    return looks, ranks, halves(rng, ANSWERS, service.classes, np.eye(len(service.classes))[0])


def counters(looks: Counts, ranks: Counts, classes: Counts) -> Iterator[tuple[str, Counts]]:
    """Series with what each counts in a step."""
    for kind, images in zip(KINDS, looks.T, strict=True):
        yield f'groupnl_traffic_looks_total{{{M}, corruption="{kind}", severity="3"}}', images
    for name, buckets in zip((*STATISTICS, *ANSWER_STATISTICS), ranks.transpose(1, 2, 0), strict=True):
        yield f'groupnl_traffic_rank_count{{{M}, statistic="{name}"}}', buckets.sum(axis=0)
        for bound, below in zip(TRAFFIC_RANK.buckets, np.cumsum(buckets, axis=0), strict=True):
            yield f'groupnl_traffic_rank_bucket{{{M}, statistic="{name}", le="{bound}"}}', below
    for number, answers in enumerate(classes.T):
        yield f'groupnl_predicted_total{{{M}, class="{number}"}}', answers


def gauges(service: Service) -> Iterator[tuple[str, float]]:
    yield 'groupnl_expected_images{model="m"}', service.images
    for kind, weights in zip(KINDS, service.weights, strict=True):
        for look, weight in zip(KINDS, weights, strict=True):
            if weight:
                yield f'groupnl_traffic_share_weight{{{M}, corruption="{kind}", looks="{look}"}}', float(weight)
    for number, share in enumerate(service.expected):
        yield f'groupnl_expected_predicted_ratio{{{M}, class="{number}"}}', float(share)


def needed_rules(folder: Path) -> list[str]:
    """Without the figures that the tickets do not need, which are most."""
    for group in GROUPS:
        (file,) = [file for file in RULE_FILES if file.stem == group]
        content = yaml.safe_load(file.read_text())
        (only,) = content["groups"]
        only["rules"] = [rule for rule in only["rules"] if NEEDED.search(rule["record"])]
        (folder / file.name).write_text(yaml.safe_dump(content))
    return [str(folder / f"{group}.yml") for group in GROUPS]


@pytest.mark.slow
def test_prometheus_and_the_emulator_agree(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    service = packed(tiny_confusion(200), 400, rng)
    counted = counts_of(service, rng)
    found = tickets(service, *counted)
    by_alert = dict(zip(ALERTS, (found[:, : len(NAMES)], found[:, len(NAMES) :]), strict=True))
    assert all(of.any() and not of.all() for of in by_alert.values())
    series = {name: " ".join(map(str, [0, *np.cumsum(steps)])) for name, steps in counters(*counted)}
    series |= {name: f"{value!r}x{STEPS}" for name, value in gauges(service)}
    cases = [
        {
            "expr": f"count(\n{EXPRS[alert]}\n) or vector(0)",
            "eval_time": f"{(step + 1) * STEP_S}s",
            "exp_samples": [{"labels": "{}", "value": int(of[step].sum())}],
        }
        for alert, of in by_alert.items()
        for step in range(STEPS)
    ]
    test = {
        "interval": f"{STEP_S}s",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": cases,
    }
    content = {
        "rule_files": needed_rules(tmp_path),
        "evaluation_interval": f"{STEP_S}s",
        "group_eval_order": GROUPS,
        "tests": [test],
    }
    file = tmp_path / "emulated.yml"
    file.write_text(yaml.safe_dump(content))
    assert "SUCCESS" in promtool("test", "rules", file)
