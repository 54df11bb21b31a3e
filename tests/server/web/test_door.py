"""Who is let in: keys and their scopes, names and pages."""

import pytest
from support.front import Front

from groupnl.server.keys.key import MANAGE
from groupnl.server.keys.keys import Keys
from groupnl.server.keys.secret import new_secret
from groupnl.server.web.door import Door
from groupnl.server.web.hosts import LOOPBACK, Hosts

PATH = "/predictions/owls"
WEB, OPS = new_secret(), new_secret()
KEYS = Keys(None, f"web predict {WEB};ops manage,metrics {OPS}")
ADDRESSES = [
    ("PUT", PATH),
    ("POST", "/invocations"),
    ("POST", "/v1/models/owls:predict"),
    ("GET", "/models"),
    ("GET", "/no"),
]


@pytest.mark.parametrize(("method", "path"), ADDRESSES)
def test_a_key_is_needed(method: str, path: str) -> None:
    front = Front(keys=KEYS)
    for header in (
        {},
        {"Authorization": "Bearer"},
        {"Authorization": f"Basic {WEB}"},
        {"Authorization": f"Bearer x{WEB}"},
    ):
        answer = front.ask(method, path, content=b"image", headers=header)
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
        assert answer.headers["www-authenticate"] == "Bearer"
        assert WEB not in answer.text
    answer = front.ask(method, path, content=b"image", headers={"Authorization": f"Bearer {OPS}"})
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert "'ops' is not for this: it has not the scope predict" in answer.json()["message"]
    assert front.pool.parts == []


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER "])
def test_the_right_key(scheme: str) -> None:
    front = Front(keys=KEYS)
    assert front.ask("PUT", PATH, content=b"image", headers={"Authorization": f"{scheme} {WEB}"}).status_code == 200


@pytest.mark.parametrize("path", ["/ping", "/live", "/ready", "/v2/health/live", "/v2/health/ready"])
def test_health_needs_no_key_and_no_name(path: str) -> None:
    assert Front(keys=KEYS, hosts=Hosts(["example.org"])).ask("GET", path).status_code == 200


@pytest.mark.parametrize("host", ["example.org", "Example.org", "example.org:8080", "example.org.", "10.0.0.1:9000"])
def test_names_under_which_one_may_ask(host: str) -> None:
    front = Front(hosts=Hosts(["example.org", "10.0.0.1:9000"]))
    assert front.ask("GET", "/models", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["", "evil.example", "example.org.evil.example", "10.0.0.1", "10.0.0.1:9001", "example.org:x", "a@example.org"],
)
def test_any_other_name_is_refused(host: str) -> None:
    answer = Front(hosts=Hosts(["example.org", "10.0.0.1:9000"])).ask("GET", "/models", headers={"Host": host})
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


def _manage(headers: dict[str, str]) -> int:
    front = Front()
    front.app._door = Door(MANAGE, KEYS, Hosts(LOOPBACK, 8081), takes_pages=False)
    answer = front.ask("GET", "/models", headers={"Authorization": f"Bearer {OPS}", **headers})
    return int(answer.status_code)


@pytest.mark.parametrize("host", ["localhost:8081", "127.0.0.1:8081", "[::1]:8081"])
def test_management_is_asked_on_this_machine(host: str) -> None:
    assert _manage({"Host": host}) == 200
    assert _manage({"Host": host, "Authorization": f"Bearer {WEB}"}) == 403


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:8080", "rebound.example:8081", "127.0.0.1.nip.io:8081", "::1"]
)
def test_a_name_that_was_bent_to_this_machine_manages_nothing(host: str) -> None:
    assert _manage({"Host": host}) == 403


@pytest.mark.parametrize("origin", ["http://localhost:8081", "https://evil.example", "null", ""])
def test_no_page_manages(origin: str) -> None:
    assert _manage({"Host": "localhost:8081", "Origin": origin}) == 403
