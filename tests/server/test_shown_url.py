"""The address that `groupnl serve` shows when it is ready can be asked as it stands."""

import pytest

from groupnl.server.command import shown_url
from groupnl.server.config import ServeConfig


@pytest.mark.parametrize(
    ("settings", "url"),
    [
        ({}, "http://127.0.0.1:8080/"),
        ({"host": "0.0.0.0", "allow_open": True}, "http://127.0.0.1:8080/"),
        ({"host": "10.0.0.1", "allow_open": True, "inference_port": 9000}, "http://10.0.0.1:9000/"),
        (
            {"host": "0.0.0.0", "allow_open": True, "allowed_hosts": ("a.example", "b.example")},
            "http://a.example:8080/",
        ),
    ],
    ids=["loopback", "every-host", "one-host", "allowed-hosts"],
)
def test_the_address_that_is_shown(settings: dict[str, object], url: str) -> None:
    assert shown_url(ServeConfig.model_validate(settings)) == url
