"""What coloured words of the dashboards say of traffic that is known: by the rules and the panels' own queries."""

import json
from pathlib import Path
from typing import Any

import pytest
from support.expressions import DASHBOARDS, RULE_FILES, panels
from support.grafana import filled
from support.needed_rules import with_needed_rules
from support.prometheus import promtool

pytestmark = pytest.mark.slow

MINUTES = 120
VALUES = {"watched": ["m"], "window": ["1h"]}
RULES = [str(file) for file in RULE_FILES if file.stem in {"groupnl_agreement", "groupnl_twin"}]
PANELS = [panel for file in DASHBOARDS for panel in panels(json.loads(file.read_text()))]
OFFLINE = 0.7
CELL = 'model="m", corruption="fog", severity="1"'
TEXT = "text"  # the colour of what is no news


def panel_of(title: str) -> dict[str, Any]:
    return next(panel for panel in PANELS if panel["title"].startswith(title))


def words_of(panel: dict[str, Any]) -> tuple[str, dict[str, dict[str, str]]]:
    """The query whose value is shown as a word, and value -> word and colour."""
    for override in panel["fieldConfig"]["overrides"]:
        for value in override["properties"]:
            if value["id"] == "mappings":
                letter = override["matcher"]["options"]
                (query,) = [target["expr"] for target in panel["targets"] if target["refId"] == letter]
                return query, value["value"][0]["options"]
    raise AssertionError(f"no words in {panel['title']}")


def says(folder: Path, title: str, word: str, labels: str, **a_minute: float) -> str:
    """Lets promtool find that a panel says this word of such traffic; the word's colour."""
    series = {name: f"0+{step:g}x{MINUTES}" for name, step in a_minute.items()}
    series[f"groupnl_offline_agreement_ratio{{{CELL}}}"] = f"{OFFLINE:g}x{MINUTES}"
    return says_of(folder, title, word, labels, series)


def says_of(folder: Path, title: str, word: str, labels: str, series: dict[str, str]) -> str:
    """The same of series with their values."""
    query, words = words_of(panel_of(title))
    (value,) = [value for value, shown in words.items() if shown["text"] == word]
    case = {
        "expr": filled(query, VALUES),
        "eval_time": f"{MINUTES}m",
        "exp_samples": [{"labels": f"{{{labels}}}", "value": float(value)}],
    }
    given = [{"series": name, "values": values} for name, values in series.items()]
    test = {"interval": "1m", "input_series": given, "promql_expr_test": [case]}
    content = {"rule_files": RULES, "evaluation_interval": "5m", "tests": [test]}
    assert "SUCCESS" in promtool("test", "rules", with_needed_rules(content, folder, folder))
    return words[value]["color"]


@pytest.mark.parametrize(
    ("tickets", "images", "word", "is_news"),
    [
        ([], 60, "like the held-back images", False),
        ([], 40, "too few images to tell", False),
        (["GroupNLTrafficUnlike"], 60, "unlike the held-back images", True),
        (["GroupNLTrafficUnlike", "GroupNLTrafficLooksCorrupted"], 60, "partly corrupted", True),
        (["GroupNLTrafficLooksCorrupted", "GroupNLTrafficBroken"], 60, "broken: estimates are withdrawn", True),
    ],
)
def test_traffic(tmp_path: Path, tickets: list[str], images: int, word: str, *, is_news: bool) -> None:
    values = {'model:groupnl_looked_at:1d{model="m"}': images, 'groupnl_expected_images{model="m"}': 500}
    values |= {f'ALERTS{{alertname="{name}", alertstate="firing", model="m"}}': 1 for name in tickets}
    series = {name: f"{value}x{MINUTES}" for name, value in values.items()}
    assert (says_of(tmp_path, "Today's traffic", word, 'model="m"', series) != TEXT) == is_news


def test_an_estimate_stands_while_nothing_is_broken(tmp_path: Path) -> None:
    series = {'model:groupnl_estimate_withdrawn:1d{model="m"}': f"0x{MINUTES}"}
    labels = '__name__="model:groupnl_estimate_withdrawn:1d", model="m", statistic="nothing"'
    assert says_of(tmp_path, "Does the estimate stand", "stands", labels, series) == TEXT


@pytest.mark.parametrize(
    ("pairs", "agreement", "word", "is_news"),
    [
        pytest.param(10, OFFLINE, "not shown to be lower", False, id="as before packing"),
        # Dark images: agreement is high, accuracy is gone. It was green once.
        pytest.param(10, 0.86, "not shown to be lower", False, id="a broken picture"),
        pytest.param(10, 0.66, "not shown to be lower", False, id="within the margin"),
        pytest.param(10, 0.5, "lower than expected", True, id="lower"),
        pytest.param(1, 0.2, "not compared", False, id="sixty pairs"),
    ],
)
def test_agreement(tmp_path: Path, pairs: float, agreement: float, word: str, is_news: bool) -> None:
    counted = {
        f"groupnl_shadow_pairs_total{{{CELL}}}": pairs,
        f"groupnl_shadow_flips_total{{{CELL}}}": pairs * (1 - agreement),
    }
    colour = says(tmp_path, "Answers that stay under corruption", word, 'model="m"', **counted)
    assert (colour != TEXT) == is_news


@pytest.mark.parametrize(
    "more",
    [
        pytest.param({"groupnl_shadow_pairs_total": 10, "groupnl_shadow_flips_total": 9}, id="snow was not measured"),
        pytest.param({"groupnl_build_info": 0}, id="two archives"),
    ],
)
def test_what_cannot_be_compared_is_not(tmp_path: Path, more: dict[str, float]) -> None:
    counted = {f"groupnl_shadow_pairs_total{{{CELL}}}": 10.0, f"groupnl_shadow_flips_total{{{CELL}}}": 6.0}
    also = {
        f'{name}{{model="m", corruption="snow", severity="1", archive_sha256="{archive}"}}': step
        for name, step in more.items()
        for archive in ("1", "2")
    }
    says(tmp_path, "Answers that stay under corruption", "not compared", 'model="m"', **counted, **also)


@pytest.mark.parametrize(
    ("model_only", "reference_only", "both", "word", "is_news"),
    [
        pytest.param(1, 1, 1, "no difference shown", False, id="alike"),
        # A tenth fewer flips, of few: it was green once.
        pytest.param(0.1, 0.05, 0.4, "no difference shown", False, id="fewer of few"),
        pytest.param(3, 1, 2, "fewer", True, id="fewer"),
        pytest.param(1, 3, 2, "more", True, id="more"),
    ],
)
def test_relative_flips(
    tmp_path: Path, model_only: float, reference_only: float, both: float, word: str, *, is_news: bool
) -> None:
    name = 'groupnl_shadow_paired_outcomes_total{model="m", reference="t", corruption="fog", outcome="%s"}'
    outcomes = {"model_only": model_only, "reference_only": reference_only, "both_flip": both, "both_hold": 5.0}
    counted = {name % outcome: step for outcome, step in outcomes.items()}
    colour = says(tmp_path, "Changed answers, relative", word, 'model="m", reference="t"', **counted)
    assert (colour != TEXT) == is_news
