"""What scenarios are made of, without a service: the operator, the record, the workers, the settings."""

import os
import signal
import subprocess
from argparse import ArgumentParser
from datetime import UTC, datetime
from itertools import chain, repeat
from typing import Any

import psutil
import pytest

from loadtests._operator import Operator
from loadtests._record import Outcome, per_second, percentiles, quantile_ms
from loadtests._settings import LoadTestError, Settings, add_options, read_options
from loadtests._twins import Twins
from loadtests._workers import Sighting, Worker, losses, memory_series, read_workers

WORKER = Worker("m", 1, "then", True, 500.0)


class TestOperator:
    def kill(self, *later: tuple[Worker, ...], monkeypatch: pytest.MonkeyPatch) -> None:
        """A worker that is really killed; what is seen afterwards is made up."""
        monkeypatch.setattr("loadtests._operator.BACK_S", 0.3)
        with subprocess.Popen(["sleep", "60"]) as process:
            started = datetime.fromtimestamp(psutil.Process(process.pid).create_time(), UTC).isoformat()
            first = WORKER._replace(pid=process.pid, started=started)
            seen = chain([(first, WORKER)], later, repeat(later[-1]))
            Operator(Settings("rollout"), lambda _: next(seen)).kill("m")
            assert process.wait() == -signal.SIGKILL

    def test_another_worker_is_waited_for(self, monkeypatch):
        self.kill((WORKER,), (WORKER, WORKER._replace(pid=2)), monkeypatch=monkeypatch)

    @pytest.mark.parametrize("after", [(WORKER,), (WORKER, WORKER._replace(pid=2, ready=False))])
    def test_none_in_its_place(self, after, monkeypatch):
        with pytest.raises(LoadTestError, match="not 2 ready workers in place of the old ones after 0 s"):
            self.kill(after, monkeypatch=monkeypatch)

    def test_a_process_that_only_has_its_number_is_left_alone(self):
        stranger = WORKER._replace(pid=os.getpid(), started="2020-01-01T00:00:00+00:00")
        with pytest.raises(LoadTestError, match="is no process of this machine"):
            Operator(Settings("rollout"), lambda _: (stranger,)).kill("m")

    def test_a_service_that_is_not_there_cannot_be_stopped(self):
        with subprocess.Popen(["true"]) as process:
            process.wait()
        with pytest.raises(LoadTestError, match=f"--stop-pid {process.pid}: No such process"):
            Operator(Settings("rollout", stop_pid=process.pid), lambda _: ()).stop()


class TestRecord:
    def test_quantiles_are_nearest_ranks(self):
        assert [quantile_ms([0.003, 0.001, 0.002], share) for share in (0, 0.5, 0.95, 1)] == [1, 2, 3, 3]
        assert percentiles([]) == {"count": 0, "p50_ms": None, "p95_ms": None, "p99_ms": None}

    def test_per_second(self):
        order = Twins(Settings("twins", rate=1, duration_s=1)).take(0.0)
        outcomes = [Outcome(order, 0.5, 1.0, 200), Outcome(order, 1.0, 0.2, 503), Outcome(order, 2.0, 0.1, 500, "bad")]
        assert per_second(outcomes) == {
            "answered": [0, 1, 0], "busy": [0, 1, 0], "refused": [0, 0, 0], "wrong": [0, 0, 1],
            "slowest_ms": [0.0, 1000.0, 0.0],
        }  # fmt: skip
        assert per_second([])["answered"] == []


class TestWorkers:
    def test_read(self):
        described = {"pid": 7, "startTime": "then", "status": "READY", "memoryUsage": 2**20}
        assert read_workers("m", [{"workers": [described]}]) == (Worker("m", 7, "then", True, 1.0),)

    @pytest.mark.parametrize("answer", [{}, [], [{}], [{"workers": [{"pid": 1}]}], None])
    def test_not_readable(self, answer):
        with pytest.raises(ValueError, match="does not describe workers of m"):
            read_workers("m", answer)

    def test_losses(self):
        first = Sighting(0.0, (WORKER, WORKER._replace(pid=2)))
        assert losses([first, Sighting(9.0, (WORKER, WORKER._replace(pid=2, memory_mib=900.0)))]) == []
        assert losses([first, Sighting(9.0, (WORKER,))]) == ["worker 2 of m was replaced or ended"]
        assert losses([first, Sighting(9.0, (WORKER._replace(started="later"), first.workers[1]))]) == [
            "worker 1 of m was replaced or ended"
        ]
        unready = Sighting(9.0, (WORKER._replace(ready=False), first.workers[1]))
        assert losses([first, unready]) == ["worker 1 of m is not ready"]
        assert losses([first]) == ["the workers were not seen twice"]

    def test_memory_of_all_workers_together(self):
        assert memory_series([Sighting(1.0, (WORKER, WORKER._replace(pid=2, memory_mib=1.0)))]) == {"m": [(1.0, 501.0)]}


class TestSettings:
    def parse(self, *arguments: str) -> Settings:
        class Parser(ArgumentParser):
            def add_argument(self, *names: Any, **options: Any) -> Any:  # without what only Locust's knows
                own = ("include_in_web_ui", "is_secret", "env_var")
                return super().add_argument(*names, **{k: v for k, v in options.items() if k not in own})

        parser = Parser()
        add_options(parser)
        return read_options(parser.parse_args(list(arguments)), "http://127.0.0.1:8080/")

    def test_defaults(self):
        assert self.parse() == Settings()

    def test_every_option_arrives(self):
        found = self.parse(
            "--models", "a, b", "--duration", "3", "--step-seconds", "2", "--recovery", "4", "--rate", "5"
        )
        assert found == Settings(models=("a", "b"), duration_s=3, step_s=2, recovery_s=4, rate=5)

    @pytest.mark.parametrize(
        ("arguments", "sentence"),
        [
            (("--rate", "0"), "--rate 0.0: must be a number above 0"),
            (("--rate", "nan"), "--rate nan"),
            (("--duration", "-1"), "--duration -1.0: must be a number of seconds, or 0"),
            (("--step-seconds", "inf"), "--step-seconds inf"),
            (("--max-error-ratio", "2"), "--max-error-ratio 2.0: must be a share"),
            (("--max-users", "0"), "--max-users 0: must be a whole number"),
            (("--models", "a,b,a"), "--models a,b,a: give one name, or several different"),
            (("--models", "a,"), "--models a,: give one name, or several"),
            (("--stop-pid", "-1"), "--stop-pid -1: must be a process, or 0"),
            (("--scenario", "rollout", "--management-url", "none"), "rollout scenario must see the workers"),
            (("--scenario", "twins", "--models", "a"), "compares two models"),
            (("--scenario", "twins", "--models", "a,a"), "several different ones"),
        ],
    )
    def test_what_cannot_be_used_is_named(self, arguments, sentence):
        with pytest.raises(LoadTestError, match=r"^--") as error:
            self.parse(*arguments)
        assert sentence in str(error.value)

    @pytest.mark.parametrize("host", ["127.0.0.1:8080", "ftp://a", "http://", ""])
    def test_hosts_without_scheme_or_address(self, host):
        with pytest.raises(LoadTestError, match="give scheme and address"):
            Settings(host=host)

    def test_management_address(self):
        assert Settings().management == "http://127.0.0.1:8080"
        assert Settings(host="https://[::1]:9").management == "https://[::1]:9"
        assert Settings(management_url="http://a:1/").management == "http://a:1"
        assert Settings(management_url="none").management is None
