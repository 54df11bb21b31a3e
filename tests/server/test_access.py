"""groupnl.server.access and the rules of the configuration: what opens where, and what needs a key."""

from pathlib import Path
from typing import Any

import pytest

from groupnl.errors import ConfigError
from groupnl.server.access import read_access
from groupnl.server.config import load_config
from groupnl.server.keys.key import MANAGE, METRICS, PREDICT, Key
from groupnl.server.keys.key_file import add_key
from groupnl.server.keys.secret import hash_of, new_secret

SECRET = "dPPP1fTBukudT9YWdZ_6fkCq14-LP8aU57vozuLo0tY"


@pytest.fixture
def keys(tmp_path: Path) -> str:
    """A file of keys for predictions and management."""
    file = tmp_path / "keys.txt"
    add_key(file, Key("web", frozenset([PREDICT, MANAGE]), hash_of(SECRET)))
    return str(file)


def _ours(**settings: Any) -> Any:
    return load_config(None, {"server": "groupnl", **settings})


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "example.org"])
def test_other_addresses_need_keys_or_consent(keys: str, host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for field in ("host", "metrics_host"):
        with pytest.raises(ConfigError, match=r"can be reached from other machines; ask for keys \(--keys\)"):
            _ours(**{field: host})
        assert _ours(**{field: host}, keys=keys).has_keys
        assert not _ours(**{field: host}, allow_open=True).has_keys
    monkeypatch.setenv("GROUPNL_KEYS", f"web predict {SECRET}")
    assert _ours(host=host).has_keys


def test_open_metrics_need_a_key_for_them(keys: str) -> None:
    config = _ours(metrics_host="0.0.0.0", keys=keys)
    with pytest.raises(ConfigError, match=r"0\.0\.0\.0:8083 .* no key has the scope metrics"):
        read_access(config)
    add_key(Path(keys), Key("prometheus", frozenset([METRICS]), hash_of(new_secret())))
    access = read_access(config)
    assert access.metrics_keys is access.keys is not None


def test_metrics_on_loopback_need_none_where_there_is_none(keys: str) -> None:
    access = read_access(_ours(keys=keys))
    assert access.keys is not None
    assert access.metrics_keys is None


def test_management_is_a_socket_unless_a_key_guards_a_port(keys: str, caplog: pytest.LogCaptureFixture) -> None:
    assert read_access(_ours(keys=keys)).management is None
    door = read_access(_ours(keys=keys, management_port=9001)).management
    assert door is not None
    assert (door.scope, door.takes_pages) == (MANAGE, False)
    assert "localhost:9001" in (door.hosts or ())
    assert "localhost:9002" not in (door.hosts or ())
    assert read_access(_ours(management_port=9001)).management is None
    assert "--management-port 9001 stays closed: no key has the scope manage" in caplog.text


def test_management_stays_on_this_machine(keys: str) -> None:
    with pytest.raises(ConfigError, match=r"management on 0\.0\.0\.0:9001 can be reached from other machines"):
        _ours(keys=keys, management_port=9001, management_host="0.0.0.0")


def test_the_servers_are_not_mixed_up(keys: str) -> None:
    with pytest.raises(ConfigError, match=r"--token-auth is TorchServe's; our own server takes .* \(--keys\)"):
        _ours(token_auth=True)
    for settings in ({"keys": keys}, {"tls_cert": "x", "tls_key": "y"}, {"allowed_hosts": ["a"]}):
        option = next(iter(settings)).replace("_", "-")
        with pytest.raises(ConfigError, match=f"--{option} is our own server's"):
            load_config(None, {"server": "torchserve", **settings})


def test_a_certificate_has_a_key() -> None:
    for settings in ({"tls_cert": "x"}, {"tls_key": "x"}):
        with pytest.raises(ConfigError, match="--tls-cert and --tls-key go together"):
            _ours(**settings)


def test_what_others_may_read_is_told(keys: str, caplog: pytest.LogCaptureFixture) -> None:
    Path(keys).chmod(0o644)
    read_access(_ours(keys=keys))
    assert f"others may read {keys}" in caplog.text


@pytest.mark.parametrize("name", ["a b", "https://example.org", "example.org:", "*", ""])
def test_what_is_no_name_of_a_host(name: str) -> None:
    with pytest.raises(ConfigError, match="allowed_hosts"):
        _ours(allowed_hosts=[name])
