"""What a service did under one load."""

from typing import NamedTuple

from groupnl.errors import ServerError
from groupnl_studies.harness.cpu import CpuSeconds
from groupnl_studies.harness.load import Outcome


class Slot(NamedTuple):
    """What one service did at one number of clients in one round.

    Attributes:
        throughput: answers a second.
        p50_ms: median latency, milliseconds.
        p95_ms: the latency that 95 % of the answers did not exceed.
        p99_ms: the same of 99 %.
        failures: answers other than 200, and broken connections.
        frontend_cpu_ms: processor time of the program that speaks HTTP for each answer, milliseconds.
        workers_cpu_ms: of the processes that run the network.
        rest_cpu_ms: of the service's other processes.
        client_cpu_ms: of the load generator.
    """

    throughput: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    failures: int
    frontend_cpu_ms: float
    workers_cpu_ms: float
    rest_cpu_ms: float
    client_cpu_ms: float


def slot(outcome: Outcome, service: CpuSeconds, client_s: float) -> Slot:
    """The figures of one load.

    Args:
        outcome: of the load.
        service: processor time of the service meanwhile.
        client_s: processor time of the load generator meanwhile, seconds.

    Raises:
        ServerError: no answer came within the counted time.
    """
    if not outcome.latencies_s:
        raise ServerError(
            f"a service gave no good answer within {outcome.seconds:g} s, and {outcome.failures} others: take more "
            "--seconds, on a quieter machine; the service's own log says what it refused"
        )
    p50, p95, p99 = (outcome.quantile_s(share) * 1e3 for share in (0.5, 0.95, 0.99))
    frontend, workers, rest, client = (seconds / outcome.answers * 1e3 for seconds in (*service, client_s))
    return Slot(outcome.throughput, p50, p95, p99, outcome.failures, frontend, workers, rest, client)
