"""What TorchServe's own frontend counts, as far as it is used here. The text format is that of its metrics port.

A request that finds its model's queue full is answered 503 by the frontend and never reaches our workers: only these
counters know of it. They carry no model. Each appears with its first case, so an absent one is a zero.
"""

from groupnl.metrics import Family

_HOST = ("Level", "Hostname")
REQUESTS_2XX = Family("Requests2XX", "counter", "Requests answered with success.", _HOST)
REQUESTS_4XX = Family("Requests4XX", "counter", "Requests refused: the client's fault.", _HOST)
REQUESTS_5XX = Family("Requests5XX", "counter", "Requests failed: full queue (503), lost worker, error.", _HOST)
QUEUE_MICROSECONDS = Family(
    "ts_queue_latency_microseconds", "counter", "Time that requests waited for a batch.", ("model_name", "hostname")
)
FRONTEND_REQUESTS = Family(
    "ts_inference_requests_total",
    "counter",
    "Requests for a model, also those refused with 503.",
    ("model_name", "hostname"),
)
CPU_PERCENT = Family("CPUUtilization", "same", "Of the machine, percent; asked once a minute.", _HOST)
MEMORY_PERCENT = Family("MemoryUtilization", "same", "Of the machine, percent; asked once a minute.", _HOST)
FRONTEND_FAMILIES = (
    REQUESTS_2XX,
    REQUESTS_4XX,
    REQUESTS_5XX,
    QUEUE_MICROSECONDS,
    FRONTEND_REQUESTS,
    CPU_PERCENT,
    MEMORY_PERCENT,
)
