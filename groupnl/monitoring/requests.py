"""How requests were answered, whichever server did: TorchServe's frontend counts in its words, our own server in ours.

A service has one of the two, so both are added; who is not there counts for nothing.
"""

from groupnl.metrics import ANSWERS, MACHINE_CPU, MACHINE_MEMORY, OTHER, QUEUE_SECONDS, Family
from groupnl.server.torchserve import frontend_metrics as frontend

# Of TorchServe's counter, and by our own server's label.
SUCCEEDED = (frontend.REQUESTS_2XX, "2..")
REFUSED = (frontend.REQUESTS_4XX, "4..")
FAILED = (frontend.REQUESTS_5XX, "5..")
Result = tuple[Family, str]


def rate(result: Result, window: str) -> str:
    """Requests with this result, per second; 0 where there is none yet."""
    return _of_both("rate", result, window)


def failures(window: str) -> str:
    """How many requests failed."""
    return _of_both("increase", FAILED, window)


def answered(window: str) -> str:
    """Requests per second, whatever the answer."""
    return "(" + " + ".join(rate(result, window) for result in (SUCCEEDED, REFUSED, FAILED)) + ")"


def mean_wait(model: str, window: str) -> str:
    """Mean seconds in the queue.

    Args:
        model: its name.
        window: a duration of Prometheus.
    """
    theirs = f'{{model_name="{model}"}}[{window}]'
    waited = f"sum(rate({frontend.QUEUE_MICROSECONDS.name}{theirs}))"
    asked = f"sum(rate({frontend.FRONTEND_REQUESTS.name}{theirs}))"
    ours = f'{{model="{model}"}}[{window}]'
    seconds, images = (f"sum(rate({QUEUE_SECONDS.name}_{part}{ours}))" for part in ("sum", "count"))
    return f"{waited} / ({asked} > 0) / 1e6\nor {seconds} / ({images} > 0)"


def machine_cpu() -> str:
    """Share of the machine's processors in use; of the busiest replica."""
    return f"max({frontend.CPU_PERCENT.name}) / 100 or max({MACHINE_CPU.name})"


def machine_memory() -> str:
    """Share of the machine's memory in use; of the fullest replica."""
    return f"max({frontend.MEMORY_PERCENT.name}) / 100 or max({MACHINE_MEMORY.name})"


def _of_both(function: str, result: Result, window: str) -> str:
    theirs, code = result
    ours = f'{ANSWERS.name}{{protocol!="{OTHER}", code=~"{code}"}}'
    parts = [f"(sum({function}({series}[{window}])) or vector(0))" for series in (theirs.name, ours)]
    return "(" + " + ".join(parts) + ")"
