"""The operators' dashboard: is the service well, what is the traffic like, and how good is the model on it?"""

from groupnl.metrics import PAIRED_OUTCOMES_TOTAL, SHADOW_SAMPLED
from groupnl.monitoring.dashboards.accuracy import estimate_figure, late_label_figure, reason_figure
from groupnl.monitoring.dashboards.agreement import agreement_figure, bound_figure, matrix_row
from groupnl.monitoring.dashboards.candidate import candidate_row
from groupnl.monitoring.dashboards.capacity import capacity_row
from groupnl.monitoring.dashboards.files import files_row
from groupnl.monitoring.dashboards.gpus import gpu_row
from groupnl.monitoring.dashboards.now import now_row, runbook_row
from groupnl.monitoring.dashboards.page import Row, page
from groupnl.monitoring.dashboards.service import latency_row, request_row
from groupnl.monitoring.dashboards.shadow import enough_figure, shadow_row
from groupnl.monitoring.dashboards.traffic import traffic_row
from groupnl.monitoring.dashboards.truth import (
    corruption_error_figure,
    corruption_error_table,
    truth_figure,
    truth_table,
)
from groupnl.monitoring.dashboards.twin import (
    evidence_lines,
    loss_table,
    power_panel,
    relative_error_figure,
    relative_error_lines,
    twin_table,
    verdict_figure,
)
from groupnl.monitoring.rules import RUNBOOK

OPERATORS = ("GroupNL: service and robustness", "groupnl-operators")
TWINS = ("GroupNL against its twin", "groupnl-twin")


def operators_dashboard(runbook: str = RUNBOOK) -> str:
    """Its JSON.

    Args:
        runbook: address of the page that has a heading for each alert.
    """
    accuracy = [estimate_figure(7), reason_figure(5), late_label_figure(6), truth_figure(6)]
    agreement = [agreement_figure(10), enough_figure(8), bound_figure(6)]
    twin = [verdict_figure(8), relative_error_figure(6), power_panel(10)]
    rows = [
        Row("Now", now_row()),
        Row("$watched: what the traffic is like", traffic_row(), by_model=True),
        Row("$watched: how accurate it is now", accuracy, by_model=True),
        Row("$watched: agreement under corruption", agreement, by_model=True),
        Row("$watched: against its twin", twin, by_model=True),
        Row("Requests, errors, latency", request_row()),
        Row("Queue, workers, machine", capacity_row()),
        Row("Where the time goes", latency_row(), collapsed=True),
        Row("GPUs", gpu_row(), collapsed=True),
        Row("Shadow health", shadow_row(), collapsed=True),
        Row("$watched: files of the traffic", files_row(), by_model=True, collapsed=True),
        Row("$watched: corruption by severity", matrix_row(), by_model=True, collapsed=True),
        Row("$watched: truth and the label-free band", [truth_table()], by_model=True, collapsed=True),
        Row("$watched: its candidate", candidate_row(), by_model=True, collapsed=True),
        Row("Alerts and what to do", runbook_row(runbook), collapsed=True),
    ]
    description = "Live images are answered a second time under ImageNet-C corruptions, out of the clients' sight."
    title, uid = OPERATORS
    return page(uid, title, description, rows, TWINS, watched=SHADOW_SAMPLED)


def twin_dashboard() -> str:
    """The comparison alone, with the probe set's corruption error; its JSON."""
    comparison = [
        verdict_figure(6),
        power_panel(7),
        relative_error_figure(5),
        corruption_error_figure(6),
        relative_error_lines(12),
        evidence_lines(12),
    ]
    rows = [
        Row("$watched against its twin", comparison, by_model=True),
        Row("$watched: each corruption, live images", [twin_table()], by_model=True, collapsed=True),
        Row(
            "$watched: each corruption, the probe set's truth",
            [corruption_error_table()],
            by_model=True,
            collapsed=True,
        ),
        Row("$watched: loss of confidence", [loss_table()], by_model=True, collapsed=True),
    ]
    description = "A model and its twin on the same corrupted pixels of live traffic."
    title, uid = TWINS
    return page(uid, title, description, rows, OPERATORS, watched=PAIRED_OUTCOMES_TOTAL)
