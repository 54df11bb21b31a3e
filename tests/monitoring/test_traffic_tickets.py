"""From counts of what images look like to a ticket: in the window that the rate of requests fills, and for nothing."""

from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from support.expressions import RULE_FILES
from support.prometheus import promtool

pytestmark = pytest.mark.slow

GROUPS = ["groupnl_agreement", "groupnl_traffic", "groupnl_long", "groupnl_drift"]
LOOKED_AT = 300  # images, of 3000 requests at the usual share
FIRING = 'ALERTS{alertname="GroupNLTrafficLooksCorrupted", alertstate="firing"}'


class Rate(NamedTuple):
    """How fast images are looked at.

    Attributes:
        step: minutes between two samples.
        images: in a step.
    """

    step: int
    images: float


# Of 10, 1, 0.1 and 0.02 requests a second.
RATES = [Rate(1, 60), Rate(1, 6), Rate(10, 6), Rate(60, 7.2)]


def looks(rate: Rate, share: float, archives: int) -> list[dict[str, str]]:
    """Images that look so are so."""
    steps = round(2 * LOOKED_AT / rate.images)
    parts = {("none", 0): 1 - share, ("fog", 3): share}
    series = {
        f'groupnl_traffic_looks_total{{model="m", corruption="{kind}", severity="{severity}"}}': rate.images * part
        for (kind, severity), part in parts.items()
    }
    constants = {'groupnl_expected_images{model="m"}': 1000}
    constants |= {
        f'groupnl_traffic_share_weight{{model="m", corruption="{kind}", looks="{kind}"}}': 1 for kind, _ in parts
    }
    constants |= {f'groupnl_build_info{{model="m", archive_sha256="{one}"}}': 1 for one in range(archives)}
    return [{"series": name, "values": f"0+{step:g}x{steps}"} for name, step in series.items()] + [
        {"series": name, "values": f"{value}x{steps}"} for name, value in constants.items()
    ]


def passes(folder: Path, rate: Rate, share: float, *, archives: int = 1, comes: bool) -> None:
    minutes = round(LOOKED_AT / rate.images) * rate.step + 2 * rate.step
    samples: list[dict[str, Any]] = [{"labels": "{}", "value": 1}] if comes else []
    test = {
        "interval": f"{rate.step}m",
        "input_series": looks(rate, share, archives),
        "promql_expr_test": [{"expr": f"count({FIRING})", "eval_time": f"{minutes}m", "exp_samples": samples}],
    }
    content = {
        "rule_files": [str(file) for file in RULE_FILES if file.stem in GROUPS],
        "evaluation_interval": f"{rate.step}m",
        "group_eval_order": GROUPS,
        "tests": [test],
    }
    file = folder / "tickets.yml"
    file.write_text(yaml.safe_dump(content))
    assert "SUCCESS" in promtool("test", "rules", file)


@pytest.mark.parametrize("rate", RATES)
def test_an_eighth_is_told_whatever_the_rate(tmp_path: Path, rate: Rate) -> None:
    passes(tmp_path, rate, 0.125, comes=True)


@pytest.mark.parametrize("rate", RATES[:2])
def test_little_is_no_news(tmp_path: Path, rate: Rate) -> None:
    passes(tmp_path, rate, 0.02, comes=False)


def test_images_of_two_archives_are_not_judged_by_the_weights_of_one(tmp_path: Path) -> None:
    passes(tmp_path, RATES[0], 0.125, archives=2, comes=False)
