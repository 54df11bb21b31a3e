"""What a run is asked to do: the options, their defaults, and what is wrong with them."""

import math
from argparse import Namespace
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

SCENARIOS = {
    "capacity": "more users step by step, until the throughput does not grow any more",
    "twins": "the first two models alternately at the same rate, the same images in the same order",
    "spike": "far more requests than can be answered: quick 503, no worker lost, normal again afterwards",
    "soak": "a moderate rate for a long time: no worker lost, memory does not grow",
    "hostile": "broken and oversized files among good ones",
    "rollout": "reload, a worker's death and a stop during a steady rate: no request fails",
}
HOST = "http://127.0.0.1:8080"
MANAGEMENT_PORT = 8081
NO_MANAGEMENT = "none"


class LoadTestError(Exception):
    """A run that cannot be made; its text says why and what to do."""


@dataclass(frozen=True)
class Settings:
    """The options of one run; `add_options` says what each means.

    Attributes:
        models: names to ask; the GroupNL model and its twin come first.
        duration_s: of what the scenario measures; 0: its own.
    """

    scenario: str = "capacity"
    host: str = HOST
    models: tuple[str, ...] = ("gnl_effnet_es", "effnet_es")
    rate: float = 10.0
    duration_s: float = 0.0
    max_users: int = 64
    step_s: float = 10.0
    spike_rate: float = 300.0
    spike_users: int = 250
    recovery_s: float = 20.0
    max_error_ratio: float = 0.001
    max_p95_ms: float = 1000.0
    max_busy_ms: float = 500.0
    min_requests: int = 50
    management_url: str = ""
    management_socket: str = ""
    stop_pid: int = 0
    token: str = ""
    summary: str = ""

    def __post_init__(self) -> None:
        if self.scenario not in SCENARIOS:
            raise LoadTestError(
                f"--scenario {self.scenario}: there is none of that name; one of {', '.join(SCENARIOS)}."
            )
        address = urlsplit(self.host)
        if address.scheme not in ("http", "https") or not address.hostname:
            raise LoadTestError(f"--host {self.host}: give scheme and address, for instance {HOST}.")
        if not self.models or not all(self.models) or len(set(self.models)) < len(self.models):
            raise LoadTestError(
                f"--models {','.join(self.models)}: give one name, or several different ones with commas between."
            )
        if self.scenario == "twins" and len(self.models) < 2:
            raise LoadTestError(f"--models {','.join(self.models)}: the twins scenario compares two models.")
        if self.scenario == "rollout" and self.management is None:
            raise LoadTestError(f"--management-url {NO_MANAGEMENT}: the rollout scenario must see the workers.")
        for name in ("rate", "step_s", "spike_rate", "recovery_s", "max_p95_ms", "max_busy_ms"):
            self._refuse(name, not 0 < getattr(self, name) < math.inf, "must be a number above 0")
        self._refuse("duration_s", not 0 <= self.duration_s < math.inf, "must be a number of seconds, or 0")
        self._refuse("max_error_ratio", not 0 <= self.max_error_ratio <= 1, "must be a share from 0 to 1")
        for name in ("max_users", "spike_users", "min_requests"):
            self._refuse(name, getattr(self, name) < 1, "must be a whole number from 1 on")
        self._refuse("stop_pid", self.stop_pid < 0, "must be a process, or 0")

    @property
    def management(self) -> str | None:
        """Where the workers are described: the service itself, or TorchServe's management API; None: nowhere."""
        if self.management_url == NO_MANAGEMENT:
            return None
        return self.management_url.rstrip("/") or self.host

    def _refuse(self, field: str, wrong: bool, sentence: str) -> None:
        if wrong:
            option = "--" + field.removesuffix("_s").replace("step", "step-seconds").replace("_", "-")
            raise LoadTestError(f"{option} {getattr(self, field)}: {sentence}.")


def add_options(parser: Any) -> None:
    """Add ours to Locust's; those of the web page too."""
    d = Settings()
    models = ",".join(d.models)
    what = "; ".join(f"{name}: {text}" for name, text in SCENARIOS.items())
    parser.add_argument("--scenario", choices=list(SCENARIOS), default=d.scenario, help=f"{what} ({d.scenario})")
    numbers = (
        ("--rate", float, d.rate, "requests/s of twins, soak, hostile, rollout, and of spike when all is normal"),
        (
            "--duration",
            float,
            d.duration_s,
            "seconds; 0: twins 60, soak 600, hostile 30, the overload of spike 10, before each event of rollout 5",
        ),
        ("--max-users", int, d.max_users, "where capacity ends at the latest; fewer than the service's queue"),
        ("--step-seconds", float, d.step_s, "of capacity, for each number of users and model"),
        ("--spike-rate", float, d.spike_rate, "requests/s while overloaded, to the first model"),
        (
            "--spike-users",
            int,
            d.spike_users,
            "connections for that; more than fit into the service's queue and one batch",
        ),
        ("--recovery", float, d.recovery_s, "seconds after the overload until all must be normal"),
        ("--max-error-ratio", float, d.max_error_ratio, "share of wrong answers, above which the run fails"),
        ("--max-p95-ms", float, d.max_p95_ms, "95th percentile of the latency, above which the run fails"),
        ("--max-busy-ms", float, d.max_busy_ms, "the same of the answers 503, queue full"),
        ("--min-requests", int, d.min_requests, "answers to each model, below which the run fails"),
        ("--stop-pid", int, d.stop_pid, "process of the service, to which rollout sends TERM in the end; 0: to none"),
    )
    parser.add_argument("--models", default=models, help=f"the GroupNL model, its twin, others ({models})")
    for option, kind, default, text in numbers:
        parser.add_argument(option, type=kind, default=default, help=f"{text} ({default})")
    parser.add_argument(
        "--management-url",
        default=d.management_url,
        help=f"to see that no worker was lost; '{NO_MANAGEMENT}' does without (the service itself; "
        f"TorchServe's usually has port {MANAGEMENT_PORT})",
    )
    parser.add_argument(
        "--management-socket",
        default=d.management_socket,
        help=f"file, for the reloads of rollout; '{NO_MANAGEMENT}' does without (where groupnl reload finds it)",
    )
    parser.add_argument(
        "--token", default=d.token, env_var="LOADTEST_TOKEN", is_secret=True, help="the service's inference key"
    )
    parser.add_argument("--summary", default=d.summary, include_in_web_ui=False, help="JSON file for the figures found")


def read_options(options: Namespace, host: str) -> Settings:
    """Settings from the parsed options.

    Raises:
        LoadTestError: a value cannot be used.
    """
    return Settings(
        scenario=options.scenario,
        host=host.rstrip("/"),
        models=tuple(name.strip() for name in options.models.split(",")),
        rate=options.rate,
        duration_s=options.duration,
        max_users=options.max_users,
        step_s=options.step_seconds,
        spike_rate=options.spike_rate,
        spike_users=options.spike_users,
        recovery_s=options.recovery,
        max_error_ratio=options.max_error_ratio,
        max_p95_ms=options.max_p95_ms,
        max_busy_ms=options.max_busy_ms,
        min_requests=options.min_requests,
        management_url=options.management_url,
        management_socket=options.management_socket,
        stop_pid=options.stop_pid,
        token=options.token,
        summary=options.summary,
    )
