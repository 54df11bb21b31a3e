"""What Locust loads: one user class, one shape, and the events that begin and end a run.

``locust -f loadtests/`` opens the web page; ``locust -f loadtests/ --headless --scenario twins`` runs one scenario and
ends with 1 if it failed.
"""

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

# Locust finds this file by its path; the package is found from any working directory.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from locust import FastHttpUser, LoadTestShape, events, task
from locust.exception import StopUser

from loadtests._record import Order
from loadtests._run import Run, outcome_of, say
from loadtests._service import METHOD, TIMEOUT_S, request_headers
from loadtests._settings import HOST, LoadTestError, add_options, read_options

SPAWN_RATE = 100.0  # users a second; Locust warns above
USAGE_ERROR = 2
ONE_PROCESS = "These scenarios count in one process: leave out --master, --worker and --processes."

OF_THE_SCENARIO = "The scenario decides that: see --max-users, --spike-users, --duration and --step-seconds."
ONE_USER = "There is one kind of user; what it does is chosen with --scenario."


class State:
    """What is under way: a run, or why there is none."""

    run: ClassVar[Run | None] = None
    failures: ClassVar[list[str]] = []


class ImageUser(FastHttpUser):
    """Takes the scenario's next request, waits until it is due, sends it, checks the answer."""

    host = HOST
    network_timeout = TIMEOUT_S
    connection_timeout = TIMEOUT_S

    @task
    def ask(self) -> None:
        """One request."""
        run = State.run
        order = run.scenario.take(run.now_s()) if run else None
        if run is None or order is None:
            raise StopUser
        if order.due_s is not None:
            # Locust has replaced it: only this user sleeps.
            time.sleep(max(order.due_s - run.now_s(), 0))
        self._send(run, order)

    def _send(self, run: Run, order: Order) -> None:
        sent_s = run.now_s()
        headers = request_headers(run.settings, order.image) | dict(order.headers)
        client: Any = self.client  # its annotations know no bytes as a body
        with client.request(
            METHOD,
            f"/predictions/{order.model}",
            name=order.label,
            data=order.image.data,
            headers=headers,
            catch_response=True,
        ) as response:
            error = getattr(response, "error", None)
            outcome = outcome_of(run, order, sent_s, response.status_code, response.content, error)
            run.scenario.note(outcome)
            # From the time at which the request was due, so that a stalled service does not hide its own delays.
            response.request_meta["response_time"] = 1000 * outcome.seconds
            if outcome.refused:
                response.request_meta["name"] += ": refused, nobody listens"
            if outcome.busy:
                response.request_meta["name"] += ": 503, queue full"
            if outcome.fault:
                response.failure(outcome.fault)
            else:
                response.success()


class ScenarioShape(LoadTestShape):
    """As many users as the chosen scenario wants, until it is over."""

    def tick(self) -> tuple[int, float] | None:
        """Users and how many to start a second; None ends the test."""
        runner: Any = self.runner
        if State.run is None and not begin(runner.environment):
            return None
        users = State.run.users() if State.run else None
        return None if users is None else (users, SPAWN_RATE)


def begin(environment: Any) -> bool:
    """Prepare the run that the options ask for; where that fails, say why."""
    # Until there is a verdict: one that cannot be given must not look like success.
    State.failures = ["the run was not judged"]
    try:
        State.run = Run(read_options(environment.parsed_options, environment.host or HOST))
    except LoadTestError as error:
        fail(environment, [str(error)])
        say(f"\n{error}\n")
    return State.run is not None


def fail(environment: Any, failures: list[str]) -> None:
    """Remember what failed; the web page and the HTML report show it among the exceptions."""
    State.failures = failures
    for failure in failures:
        environment.runner.log_exception("local", failure, failure)


def add_our_options(parser: Any) -> None:
    """`locust --help` shows them."""
    add_options(parser)
    # Refused while options are read, before Locust starts or waits for processes: those that it starts outlive a parent
    # that is killed, by minutes.
    known = parser._option_string_actions
    known["--processes"].type = _refused(ONE_PROCESS)
    # Locust would take these, and not do what they say.
    for flag in ("--users", "--spawn-rate", "--run-time"):
        known[flag].type = _refused(OF_THE_SCENARIO)
    for argument in parser._actions:
        if argument.dest == "user_classes":
            argument.type = _refused(ONE_USER)
    for flag in ("--master", "--worker"):
        known[flag].__class__ = _RefusedFlag


def _refused(sentence: str) -> Callable[[str], None]:
    def refuse(value: str) -> None:
        raise argparse.ArgumentTypeError(f"{value}: {sentence}")

    return refuse


class _RefusedFlag(argparse._StoreTrueAction):
    def __call__(self, *_: Any) -> None:
        raise argparse.ArgumentError(self, ONE_PROCESS)


def refuse_what_cannot_work(environment: Any, **_: Any) -> None:
    """Wrong options are told before anything starts."""
    try:
        read_options(environment.parsed_options, environment.host or HOST)
    except LoadTestError as error:
        say(str(error))
        sys.exit(USAGE_ERROR)


def judge(environment: Any, **_: Any) -> None:
    """The verdict, as soon as the load has stopped, by itself or by hand."""
    run, State.run = State.run, None
    if run is not None:
        own = [f"error in the load test: {row['msg']}" for row in environment.runner.exceptions.values()]
        say(run.finish())
        fail(environment, own + run.failures)


def set_exit_code(environment: Any, **_: Any) -> None:
    """1 if the last run failed."""
    environment.process_exit_code = 1 if State.failures else 0


EVENTS: Any = events  # without annotations
EVENTS.init_command_line_parser.add_listener(add_our_options)
EVENTS.init.add_listener(refuse_what_cannot_work)
EVENTS.test_stop.add_listener(judge)
EVENTS.quitting.add_listener(set_exit_code)
