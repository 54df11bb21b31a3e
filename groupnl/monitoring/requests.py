"""How requests were answered, whichever server did: TorchServe's frontend counts in its words, our own server in ours.

A service has one of the two, so both are added; who is not there counts for nothing.
"""

from collections.abc import Iterable

from groupnl.metrics import (
    ABANDONED,
    ANSWERS,
    MACHINE_CPU,
    MACHINE_MEMORY,
    OTHER,
    QUEUE_SECONDS,
    REQUEST_SECONDS,
    REQUESTS,
    STAGE_SECONDS,
    Family,
)
from groupnl.monitoring.promql import OF_WHOLE_BATCHES, ratio
from groupnl.monitoring.recording import FAST_SECONDS
from groupnl.monitoring.scrape import FRONTEND_JOB
from groupnl.server.torchserve import frontend_metrics as frontend

# Of TorchServe's counter, and by our own server's label.
SUCCEEDED = (frontend.REQUESTS_2XX, "2..")
REFUSED = (frontend.REQUESTS_4XX, "4..")
FAILED = (frontend.REQUESTS_5XX, "5..")
Result = tuple[Family, str]

_FAST = f'le="{FAST_SECONDS}"'
_OF_A_MODEL = 'model!=""'


def rate(result: Result, window: str) -> str:
    """Requests with this result, per second; 0 where there is none yet."""
    return _sum(f"sum(rate({series}[{window}]))" for series in (result[0].name, _ours(result)))


def count(result: Result, window: str) -> str:
    """How many requests had this result, also the first ones; 0 where there is none yet.

    TorchServe's counter appears with its first case and then has all that came at once: an increase knows nothing of
    them. So the least value of a counter that was born in the window is added. Born: it was not there when the window
    began, and was asked for more often than it answered (a Prometheus that starts late has asked no oftener).
    """
    theirs = result[0].name
    least = f"sum by (instance) (min_over_time({theirs}[{window}]))"
    before = f"group by (instance) (last_over_time({theirs}[5m] offset {window}))"
    asked = f'max by (instance) (sum_over_time(up{{job="{FRONTEND_JOB}"}}[{window}]))'
    answered = f"max by (instance) (count_over_time({theirs}[{window}]))"
    return _sum(
        [
            f"sum(increase({theirs}[{window}]))",
            f"sum(({least} unless {before}) and {asked} > {answered})",
            f"sum(increase({_ours(result)}[{window}]))",
        ]
    )


def failures(window: str) -> str:
    """How many requests failed."""
    return count(FAILED, window)


def answers(window: str) -> str:
    """How many requests were answered, whatever the answer."""
    return "(" + "\n+ ".join(count(result, window) for result in (SUCCEEDED, REFUSED, FAILED)) + ")"


def answered(window: str) -> str:
    """Requests per second, whatever the answer."""
    return "(" + " + ".join(rate(result, window) for result in (SUCCEEDED, REFUSED, FAILED)) + ")"


def timed_requests(window: str) -> str:
    """How many requests a model had whose time is known or that were given up; of TorchServe its batches.

    A request is timed from its first byte to its whole answer. Whose client went before that waited too long, whatever
    the reason: a client that timed out looks like one that was closed.
    """
    ours = f"{_increase(REQUEST_SECONDS.name + '_count', window)}\n+ {_increase(ABANDONED.name, window)}"
    return f"(\n  {ours}\n)\nor on (model)\n  {_increase(STAGE_SECONDS.name + '_count', window, OF_WHOLE_BATCHES)}"


def fast_requests(window: str) -> str:
    """How many of our own server's were answered within the objective."""
    return _increase(f"{REQUEST_SECONDS.name}_bucket", window, _FAST)


def slow_share_of_torchserve(window: str) -> str:
    """The share of a model's slow batches; all, where requests waited longer than that for one, on average.

    TorchServe tells the sum of waits alone, and no wait of a single request.
    """
    fast, batches = (
        _increase(f"{STAGE_SECONDS.name}_{part}", window, where)
        for part, where in (("bucket", f"{OF_WHOLE_BATCHES}, {_FAST}"), ("count", OF_WHOLE_BATCHES))
    )
    slow = f"1 - {ratio(fast, batches)}"
    wait = f"{_of_model(frontend.QUEUE_MICROSECONDS, window)} / ({_of_model(frontend.FRONTEND_REQUESTS, window)} > 0)"
    return f"clamp_max(\n  {slow}\n+ (\n  {wait} > bool {FAST_SECONDS * 1e6:g}\nor\n  {batches} * 0\n), 1)"


def _of_model(theirs: Family, window: str, where: str = "") -> str:
    braces = f"{{{where}}}" if where else ""
    named = f'label_replace(increase({theirs.name}{braces}[{window}]), "model", "$1", "model_name", "(.*)")'
    return f"sum by (model) ({named})"


def model_answers(window: str) -> str:
    """How many answers a model's requests got; with TorchServe those that a worker has seen."""
    return _by_either_server(window, "")


def refusals(window: str) -> str:
    """How many of them were refused for the client's fault."""
    return _by_either_server(window, 'code=~"4.."')


def _by_either_server(window: str, where: str) -> str:
    ours = ", ".join(part for part in (_OF_A_MODEL, f'protocol!="{OTHER}"', where) if part)
    return (
        f"(\n  {_increase(ANSWERS.name, window, ours)}\nor on (model)\n  {_increase(REQUESTS.name, window, where)}\n)"
    )


def mean_wait(models: str, instances: str, window: str) -> str:
    """Mean seconds in the queue, by model.

    Args:
        models: a regular expression of their names.
        instances: one of the replicas' addresses.
        window: a duration of Prometheus.
    """
    theirs, ours = (f'{label}=~"{models}", instance=~"{instances}"' for label in ("model_name", "model"))
    waited, asked = (
        _of_model(family, window, theirs) for family in (frontend.QUEUE_MICROSECONDS, frontend.FRONTEND_REQUESTS)
    )
    seconds, images = (_increase(f"{QUEUE_SECONDS.name}_{part}", window, ours) for part in ("sum", "count"))
    return f"{waited} / ({asked} > 0) / 1e6\nor {seconds} / ({images} > 0)"


def machine_cpu() -> str:
    """Share of the machine's processors in use; of the busiest replica."""
    return f"max({frontend.CPU_PERCENT.name}) / 100 or max({MACHINE_CPU.name})"


def machine_memory() -> str:
    """Share of the machine's memory in use; of the fullest replica."""
    return f"max({frontend.MEMORY_PERCENT.name}) / 100 or max({MACHINE_MEMORY.name})"


def _ours(result: Result) -> str:
    return f'{ANSWERS.name}{{protocol!="{OTHER}", code=~"{result[1]}"}}'


def _sum(terms: Iterable[str]) -> str:
    return "(" + "\n+ ".join(f"({term} or vector(0))" for term in terms) + ")"


def _increase(series: str, window: str, where: str = "") -> str:
    braces = f"{{{where}}}" if where else ""
    return f"sum by (model) (increase({series}{braces}[{window}]))"
