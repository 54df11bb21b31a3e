"""The operators' dashboard: is the service well, and how robust is the model on the traffic that it really gets?"""

from groupnl.monitoring.dashboards.agreement import agreement_figure, bound_figure, matrix_row
from groupnl.monitoring.dashboards.own_server import own_server_row
from groupnl.monitoring.dashboards.page import page
from groupnl.monitoring.dashboards.service import request_row, saturation_row, service_figure
from groupnl.monitoring.dashboards.shadow import shadow_row
from groupnl.monitoring.dashboards.truth import (
    corruption_error_figure,
    corruption_error_table,
    truth_figure,
    truth_table,
)
from groupnl.monitoring.dashboards.twin import (
    evidence_lines,
    loss_table,
    relative_error_figure,
    relative_error_lines,
    twin_table,
    verdict_figure,
)

OPERATORS = ("GroupNL: service and robustness", "groupnl-operators")
TWINS = ("GroupNL against its twin", "groupnl-twin")


def operators_dashboard() -> str:
    """Its JSON."""
    verdict = [agreement_figure(6), verdict_figure(6), bound_figure(4), truth_figure(4), service_figure(4)]
    rows = [
        ("Verdict", verdict),
        ("Requests, errors, latency", request_row()),
        ("Batches and saturation", saturation_row()),
        ("Our own server: queue, workers, connections", own_server_row()),
        ("Shadow health", shadow_row()),
        ("Robustness: corruption by severity", matrix_row()),
        (
            "$model against $reference",
            [relative_error_figure(6, height=8), relative_error_lines(9), evidence_lines(9), twin_table()],
        ),
        ("Truth: probe set, labels, and the label-free band", [truth_table()]),
    ]
    description = "Live images are answered a second time under ImageNet-C corruptions, out of the clients' sight."
    title, uid = OPERATORS
    return page(uid, title, description, rows, TWINS)


def twin_dashboard() -> str:
    """The comparison alone, with the probe set's corruption error; its JSON."""
    rows = [
        ("Verdict", [verdict_figure(8), relative_error_figure(8), corruption_error_figure(8)]),
        ("Over time", [relative_error_lines(12), evidence_lines(12)]),
        ("Each corruption, live images", [twin_table()]),
        ("Each corruption, the probe set's truth", [corruption_error_table()]),
        ("Loss of confidence", [loss_table()]),
    ]
    title, uid = TWINS
    return page(uid, title, "A model and its twin on the same corrupted pixels of live traffic.", rows, OPERATORS)
