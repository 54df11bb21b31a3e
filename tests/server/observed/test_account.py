"""groupnl.server.observed: a request's account, its line in the access log, and what is counted of it."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from support.accounts import answered, begun

from groupnl.server.observed.access_log import ACCESS_LOG, AccessLog
from groupnl.server.observed.account import Account
from groupnl.server.observed.counts import Counts
from groupnl.server.observed.kept_counts import KeptCounts
from groupnl.server.observed.worker_files import WorkerFiles

HOSTILE = '/predictions/a\x1b[2J\n\r\x7f\x9b\u2028\ud800"\\é'


@pytest.fixture
def log(tmp_path: Path) -> Iterator[AccessLog]:
    log = AccessLog(tmp_path)
    yield log
    log.close()


def write(log: AccessLog, *accounts: Account) -> None:
    async def in_a_loop() -> None:
        for account in accounts:
            log.write(account)
        await asyncio.sleep(0)

    asyncio.run(in_a_loop())


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def counts(registry: CollectorRegistry, tmp_path: Path) -> Counts:
    return Counts(["tiny", "twin"], registry, KeptCounts(WorkerFiles(tmp_path / "metrics")))


@pytest.mark.parametrize("given", ["abc-1", "!", "~" * 128, '"\\'])
def test_a_sane_id_is_taken(given: str) -> None:
    account = begun({"x-request-id": given})
    assert account.headers["x-request-id"] == given


@pytest.mark.parametrize("given", ["", "a b", "a" * 129, "a\x1b", "a\x7f", "é", "a\n", "\x85"])
def test_any_other_is_replaced(given: str) -> None:
    one, other = (begun({"x-request-id": given}).request_id for _ in range(2))
    assert len(one) == 32
    assert one != other


def test_a_line_tells_all_of_it(log: AccessLog, tmp_path: Path) -> None:
    account = answered(415, "unsupported_type")
    write(log, account)
    (line,) = map(json.loads, (tmp_path / ACCESS_LOG).read_text(encoding="ascii").splitlines())
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "method": "PUT",
        "path": "/predictions/tiny",
        "status": 415,
        "code": "unsupported_type",
        "protocol": "raw",
        "model": "tiny",
        "version": "1.0",
        "images": 1,
        "bytes_in": 1000,
        "bytes_out": 160,
        "seconds": 2.0,
        "queue_s": 0.25,
        "worker_s": 1.0,
        "decode_s": 0.125,
        "infer_s": 0.5,
        "request_id": account.request_id,
        "trace_id": account.trace.trace_id,
        "key": "web",
        "client": "127.0.0.1",
    }


def test_nothing_that_a_client_sends_breaks_a_line_or_steers_a_terminal(log: AccessLog, tmp_path: Path) -> None:
    account = begun(path=HOSTILE)
    account.client = HOSTILE
    write(log, account, begun(path="x" * 100_000))
    content = (tmp_path / ACCESS_LOG).read_bytes()
    assert all(byte == ord("\n") or 0x20 <= byte < 0x7F for byte in content)
    first, second = map(json.loads, content.splitlines())
    assert first["path"] == first["client"] == HOSTILE
    assert len(second["path"]) == 200


def test_whoever_has_gone_has_a_status_of_its_own(log: AccessLog, tmp_path: Path) -> None:
    write(log, begun())
    line = json.loads((tmp_path / ACCESS_LOG).read_text())
    assert (line["status"], line["queue_s"], line["worker_s"], line["infer_s"]) == (499, None, None, None)


def test_health_checks_leave_a_line_when_the_answer_changes(log: AccessLog, tmp_path: Path) -> None:
    asked = [("/ready", 503, "no_worker"), ("/ready", 200, ""), ("/live", 200, ""), ("/ready", 503, "stopping")]
    for path, status, code in asked:
        for _ in range(3):
            write(log, _health_check(path, status, code))
    write(log, begun(path="/models"), begun(path="/models"))
    lines = list(map(json.loads, (tmp_path / ACCESS_LOG).read_text().splitlines()))
    assert [(line["path"], line["status"], line["code"]) for line in lines[:4]] == asked
    assert [line["path"] for line in lines[4:]] == ["/models"] * 2


def _health_check(path: str, status: int, code: str) -> Account:
    account = begun(path=path)
    account.status, account.code, account.is_health = status, code, True
    return account


def test_counts_begin_at_0_for_all_that_can_be_known(counts: Counts, registry: CollectorRegistry) -> None:
    value = registry.get_sample_value
    for model in ("tiny", "twin", ""):
        for protocol in ("raw", "v1", "v2", "grpc", "invocations", "other"):
            for code in ("200", "400", "401", "404", "405", "408", "413", "415", "431", "500", "503", "504"):
                assert value("groupnl_answers_total", {"model": model, "protocol": protocol, "code": code}) == 0
    for reason in ("loading", "died", "timeout"):
        assert value("groupnl_worker_deaths_total", {"model": "twin", "reason": reason}) == 0
    assert value("groupnl_request_seconds_count", {"model": "twin"}) == 0
    assert value("groupnl_expired_requests_total", {"model": "twin"}) == 0
    assert value("groupnl_abandoned_requests_total", {"model": ""}) == 0
    assert value("groupnl_reloads_total", {"model": "twin", "outcome": "refused"}) == 0


def test_what_is_counted(counts: Counts, registry: CollectorRegistry) -> None:
    value = registry.get_sample_value
    counts.request(answered(200))
    counts.request(answered(504, "deadline"))
    counts.request(answered(0))
    counts.request(answered(404, "not_found", model=""))
    counts.worker_died("tiny", "timeout")
    counts.reloaded("tiny", "done")
    raw = {"model": "tiny", "protocol": "raw"}
    assert value("groupnl_answers_total", raw | {"code": "200"}) == 1
    assert value("groupnl_answers_total", raw | {"code": "504"}) == 1
    assert value("groupnl_answers_total", raw | {"code": "404", "model": ""}) == 1
    assert value("groupnl_expired_requests_total", {"model": "tiny"}) == 1
    assert value("groupnl_abandoned_requests_total", {"model": "tiny"}) == 1
    assert value("groupnl_request_seconds_sum", {"model": "tiny"}) == 4.0
    assert value("groupnl_request_seconds_bucket", {"model": "tiny", "le": "1.0"}) == 0
    assert value("groupnl_request_seconds_bucket", {"model": "tiny", "le": "2.5"}) == 2
    assert value("groupnl_queue_seconds_sum", {"model": "tiny"}) == 0.5
    assert value("groupnl_worker_deaths_total", {"model": "tiny", "reason": "timeout"}) == 1
    assert value("groupnl_reloads_total", {"model": "tiny", "outcome": "done"}) == 1
    assert value("groupnl_answers_created", raw | {"code": "200"}) is None


def test_the_server_writes_no_files_of_counts(tmp_path: Path) -> None:
    told = tmp_path / "theirs"
    program = (
        "from pathlib import Path; from prometheus_client import CollectorRegistry, generate_latest\n"
        "from groupnl.server.observed.counts import Counts\n"
        "from groupnl.server.observed.kept_counts import KeptCounts\n"
        "from groupnl.server.observed.worker_files import WorkerFiles\n"
        f"registry = CollectorRegistry(); kept = KeptCounts(WorkerFiles(Path({str(tmp_path)!r})))\n"
        "counts = Counts(['tiny'], registry, kept)\n"
        "counts.worker_died('tiny', 'died'); print(generate_latest(registry).decode())"
    )
    told.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(told)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert 'groupnl_worker_deaths_total{model="tiny",reason="died"} 1.0' in done.stdout
    assert list(told.iterdir()) == []
