"""What `groupnl tune` writes: settings for `groupnl serve --config`, a table, and all figures."""

import statistics
from collections.abc import Sequence
from typing import Any, NamedTuple

import yaml

from groupnl_studies.harness.rounds import median_over
from groupnl_studies.harness.slot import Slot
from groupnl_studies.tune.search import Candidate, Figures, Round, Step, failures, rate_shares, wait_shares


class Row(NamedTuple):
    """One candidate's medians over the rounds of a step.

    Attributes:
        throughput: answers a second, many clients.
        of_best: throughput in multiples of the step's highest, compared inside the rounds.
        p50_ms: median latency, many clients.
        p99_ms: the latency that 99 % of the answers did not exceed, many clients.
        batch: requests in a batch on average.
        cpu_ms: processor time of the whole service for each answer, many clients, milliseconds.
        alone_p50_ms: median latency of one client.
        alone_p99_ms: the same of 99 %.
        alone_of_least: the median latency of one client in multiples of the step's lowest.
        failures: in all rounds.
    """

    throughput: float
    of_best: float
    p50_ms: float
    p99_ms: float
    batch: float
    cpu_ms: float
    alone_p50_ms: float
    alone_p99_ms: float
    alone_of_least: float
    failures: int


def rows(rounds: Sequence[Round]) -> dict[Candidate, Row]:
    """A row for each candidate of the rounds, at least one of each."""
    rates, waits = rate_shares(rounds), wait_shares(rounds)
    best, least = max(rates.values()), min(waits.values())
    return {each: _row(each, rounds, rates[each] / best, waits[each] / least) for each in rounds[0]}


def _row(candidate: Candidate, rounds: Sequence[Round], of_best: float, alone_of_least: float) -> Row:
    found = [each[candidate] for each in rounds]
    return Row(
        throughput=median_over(found, lambda each: each.saturated.throughput),
        of_best=of_best,
        p50_ms=median_over(found, lambda each: each.saturated.p50_ms),
        p99_ms=median_over(found, lambda each: each.saturated.p99_ms),
        batch=median_over(found, lambda each: each.batch),
        cpu_ms=median_over(found, lambda each: _cpu_ms(each.saturated)),
        alone_p50_ms=median_over(found, lambda each: each.alone.p50_ms),
        alone_p99_ms=median_over(found, lambda each: each.alone.p99_ms),
        alone_of_least=alone_of_least,
        failures=failures(rounds, candidate),
    )


def _cpu_ms(found: Slot) -> float:
    return found.frontend_cpu_ms + found.workers_cpu_ms + found.rest_cpu_ms


def others(steps: Sequence[Step]) -> float:
    """Cores that other programs used while services were saturated, on average over all measurements."""
    return statistics.fmean(figures.others for step in steps for each in step.rounds for figures in each.values())


def table(steps: Sequence[Step], clients: int) -> str:
    """All steps in Markdown; what a step chose is set bold."""
    many = f"{clients} clients"
    lines = [
        "| workers | batch size | delay, ms | engine | threads "
        f"| {many}: answers/s | of the best | p50 ms | p99 ms | mean batch | CPU ms "
        "| 1 client: p50 ms | p99 ms | of the least | failed |",
        f"|{'---|' * 15}",
    ]
    for step in steps:
        lines += [_table_row(each, row, each == step.chosen) for each, row in rows(step.rounds).items()]
    return "\n".join(lines)


def _table_row(candidate: Candidate, row: Row, chosen: bool) -> str:
    words = [None if value is None else f"{value}" for value in candidate]
    settings = ["-" if word is None else f"**{word}**" if chosen else word for word in words]
    cells = [
        *settings,
        *(f"{row.throughput:.1f}", f"{row.of_best:.3f}", f"{row.p50_ms:.1f}", f"{row.p99_ms:.1f}"),
        *(f"{row.batch:.1f}", f"{row.cpu_ms:.1f}"),
        *(f"{row.alone_p50_ms:.2f}", f"{row.alone_p99_ms:.2f}", f"{row.alone_of_least:.3f}", f"{row.failures}"),
    ]
    return f"| {' | '.join(cells)} |"


def serve_config(chosen: Candidate, remarks: Sequence[str]) -> str:
    """The text of a file for `groupnl serve --config`.

    Args:
        chosen: the settings.
        remarks: lines: what was measured, on what.
    """
    comments = ("Chosen by `groupnl tune`, for `groupnl serve --config`.", *remarks)
    return "".join(f"# {line}\n" for line in comments) + yaml.safe_dump(chosen.settings(), sort_keys=False)


def content(steps: Sequence[Step]) -> dict[str, Any]:
    """All figures, as JSON takes them."""
    return {
        "chosen": steps[-1].chosen.settings(),
        "others": others(steps),
        "steps": [_step_content(step) for step in steps],
    }


def _step_content(step: Step) -> dict[str, Any]:
    return {
        "setting": step.setting,
        "chosen": step.chosen._asdict(),
        "medians": [each._asdict() | row._asdict() for each, row in rows(step.rounds).items()],
        "rounds": [[each._asdict() | _figures_content(found[each]) for each in found] for found in step.rounds],
    }


def _figures_content(figures: Figures) -> dict[str, Any]:
    return {
        "saturated": figures.saturated._asdict(),
        "alone": figures.alone._asdict(),
        "batch": figures.batch,
        "others": figures.others,
    }
