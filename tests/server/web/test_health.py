"""What balancers ask: whether the service is ready, which start of it says so, and that their questions are known."""

import pytest
from support.front import Front

from groupnl.server.web.proxies import Proxies
from groupnl.server.web.state import RUN_HEADER

ADDRESSES = ("/ping", "/ready", "/live", "/v2/health/live", "/v2/health/ready")


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_ready_names_the_run_whatever_it_says(method: str) -> None:
    front = Front()
    ready = front.ask(method, "/ready")
    front.state.is_stopping = True
    stopping = front.ask(method, "/ready")
    assert (ready.status_code, stopping.status_code, stopping.headers["retry-after"]) == (200, 503, "5")
    assert ready.headers[RUN_HEADER] == stopping.headers[RUN_HEADER] == front.state.run
    assert Front().ask(method, "/ready").headers[RUN_HEADER] != front.state.run


def test_health_checks_are_known_as_such() -> None:
    front = Front()
    for path in ADDRESSES:
        front.ask("GET", path)
    assert [account.is_health for account in front.accounts] == [True] * len(ADDRESSES)


@pytest.mark.parametrize(("method", "path"), [("PUT", "/ready"), ("GET", "/models"), ("GET", "/docs"), ("GET", "/no")])
def test_nothing_else_is(method: str, path: str) -> None:
    front = Front()
    front.ask(method, path)
    assert not front.accounts[0].is_health


def test_a_proxy_says_who_asks() -> None:
    front, behind = Front(), Front(proxies=Proxies(["127.0.0.1"]))
    said = [("X-Forwarded-For", "6.6.6.6"), ("X-Forwarded-For", "203.0.113.7"), ("Forwarded", "for=6.6.6.6")]
    for each in (front, behind):
        each.ask("GET", "/models", headers=said)
    assert (front.accounts[0].client, behind.accounts[0].client) == ("127.0.0.1", "203.0.113.7")
