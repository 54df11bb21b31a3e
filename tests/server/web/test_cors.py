"""Pages of other sites: who may ask, and what a browser is told."""

import pytest
from support.front import Front

from groupnl.base.options import read_settings
from groupnl.errors import ConfigError
from groupnl.server.config import ServeConfig

OURS, OTHER = "https://example.org", "https://other.example"
ASKS = {"Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "x-top-k, authorization"}
PATH = "/predictions/owls"


@pytest.mark.parametrize(("origins", "told"), [([OURS], OURS), ([OTHER, OURS], OURS), (["*"], "*")])
def test_a_page_that_may_ask(origins: list[str], told: str) -> None:
    front = Front(origins=origins)
    first = front.ask("OPTIONS", PATH, headers={"Origin": OURS, **ASKS})
    assert (first.status_code, first.content) == (204, b"")
    assert first.headers["access-control-allow-origin"] == told
    assert first.headers["access-control-allow-methods"] == "PUT, POST"
    assert first.headers["access-control-allow-headers"] == "x-top-k, authorization"
    for content, status in ((b"image", 200), (b"bad", 415)):
        answer = front.ask("PUT", PATH, content=content, headers={"Origin": OURS})
        assert answer.status_code == status
        assert answer.headers["access-control-allow-origin"] == told
        assert answer.headers["vary"] == "origin"
        assert "x-model-version" in answer.headers["access-control-expose-headers"]
    assert front.ask("GET", "/nothing", headers={"Origin": OURS}).headers["access-control-allow-origin"] == told


@pytest.mark.parametrize("origins", [[], [OURS], ["https://example.org:8443"]])
def test_a_page_that_may_not(origins: list[str]) -> None:
    front = Front(origins=origins)
    first = front.ask("OPTIONS", PATH, headers={"Origin": OTHER, **ASKS})
    assert first.status_code == 405
    answer = front.ask("PUT", PATH, content=b"image", headers={"Origin": OTHER})
    assert answer.status_code == 200  # a browser keeps it from the page
    for each in (first, answer):
        assert "access-control-allow-origin" not in each.headers


@pytest.mark.parametrize("origin", ["example.org", "https://example.org/path", "https://a https://b", "null", ""])
def test_what_is_no_site(origin: str) -> None:
    with pytest.raises(ConfigError, match="a site, such as"):
        read_settings(ServeConfig, {"cors_origin": [origin]}, None)
