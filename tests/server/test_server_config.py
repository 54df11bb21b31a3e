"""groupnl.server.config: defaults, file and options, and what is refused."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from groupnl.errors import ConfigError
from groupnl.server.config import ServeConfig, is_loopback, load_config

EXAMPLE = Path(__file__).parents[2] / "serving_config" / "serve.yaml"


def test_the_example_holds_every_default() -> None:
    assert set(yaml.safe_load(EXAMPLE.read_text())) == set(ServeConfig.model_fields)
    assert load_config(EXAMPLE, {}) == ServeConfig()


def test_options_win_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "serve.yaml"
    file.write_text("workers: 2\nbatch_size: 4\n")
    config = load_config(file, {"workers": 3})
    assert (config.workers, config.batch_size) == (3, 4)


@pytest.mark.parametrize("text", ["workers: [", "- a list", "\x00"])
def test_unreadable_files_are_named(tmp_path: Path, text: str) -> None:
    file = tmp_path / "odd.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=r"odd\.yaml"):
        load_config(file, {})
    with pytest.raises(ConfigError, match=r"nowhere\.yaml"):
        load_config(tmp_path / "nowhere.yaml", {})


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"wokers": 1}, "wokers"),
        ({"workers": 0}, "workers = 0"),
        ({"inference_port": 70_000}, "inference_port = 70000"),
        ({"inference_port": 8083}, "ports must differ"),
        ({"keep_examples": 2, "shadow_share": 0}, "--keep-examples 2 would keep nothing"),
        ({"keep_examples": 2, "handler": {"shadow": {"share": 0.0}}}, "the shadow share is 0"),
        ({"host": "::1"}, "host = '::1'"),
        ({"notice_s": -1}, "notice_s = -1"),
        ({"notice_s": 601}, "notice_s = 601: it must be 600 or less"),
        ({"trusted_proxies": ["10.0.0.1/8"]}, r"10\.0\.0\.1/8 has host bits set"),
        ({"trusted_proxies": ["haproxy"]}, "an address or a network, such as 10.0.0.7 or 10.0.0.0/8"),
        ({"client_header": "X-Real-IP"}, "client_header = 'X-Real-IP'"),
        ({"host": "127.0.0.1/x\nmodel_store=/"}, "host"),
    ],
)
def test_values_that_cannot_be_used(values: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        load_config(None, values)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("workers: true", "workers = True: it must be a whole number"),
        ("workers: '2'", "workers = '2': it must be a whole number"),
        ("workers: 99999999999999999999", "workers = 99999999999999999999: it must be 1024 or less"),
        ("queue_size: 3000000000", "queue_size = 3000000000: it must be 2147483647 or less"),
        ("twins: 1", "twins = 1: it must be true or false"),
        ("drain_s: true", "drain_s = True: it must be a number"),
        ("drain_s: .inf", "drain_s = inf: it must be a finite number"),
        ("log_dir: 3", "log_dir = 3: "),
    ],
)
def test_values_of_a_file_are_what_they_look_like(tmp_path: Path, text: str, problem: str) -> None:
    file = tmp_path / "serve.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_config(file, {})
    assert str(caught.value).startswith(f"{file}: {problem}")


def test_a_whole_number_is_a_number_too(tmp_path: Path) -> None:
    file = tmp_path / "serve.yaml"
    file.write_text("drain_s: 1\nlog_dir: here\nmodels: [a, b]\n")
    config = load_config(file, {})
    assert (config.drain_s, config.log_dir, config.models) == (1.0, Path("here"), ("a", "b"))


TORCHSERVE = {"server": "torchserve"}  # test_access.py has the same of our own
OPEN_HOSTS = ("0.0.0.0", "192.168.1.5", "example.org")


@pytest.mark.parametrize("field", ["host", "management_host"])
def test_open_addresses_need_keys_or_consent(field: str) -> None:
    for host in OPEN_HOSTS:
        with pytest.raises(ConfigError, match="other machines"):
            load_config(None, TORCHSERVE | {field: host})
        assert load_config(None, TORCHSERVE | {field: host, "token_auth": True}).token_auth
        assert load_config(None, TORCHSERVE | {field: host, "allow_open": True}).allow_open


def test_open_metrics_need_consent_because_they_have_no_keys() -> None:
    for host in OPEN_HOSTS:
        for others in ({}, {"token_auth": True}):
            with pytest.raises(ConfigError, match="nobody is asked for a key"):
                load_config(None, TORCHSERVE | {"metrics_host": host, **others})
        assert load_config(None, TORCHSERVE | {"metrics_host": host, "allow_open": True}).metrics_host == host


def test_loopback() -> None:
    assert [is_loopback(host) for host in ("127.0.0.1", "127.8.8.8", "localhost")] == [True] * 3
    assert [is_loopback(host) for host in ("0.0.0.0", "10.0.0.1", "localhost.example.org")] == [False] * 3


def test_what_torchserve_has_not_is_refused() -> None:
    for name, value in (("grpc_port", 9000), ("cors_origin", ["*"]), ("trusted_proxies", ["10.0.0.0/8"])):
        with pytest.raises(ConfigError, match=f"--{name.replace('_', '-')} is our own server's"):
            load_config(None, {"server": "torchserve", name: value})


def test_grpc_is_one_more_port() -> None:
    config = load_config(None, {"server": "groupnl", "grpc_port": 9000})
    assert config.listeners()[-1] == ("127.0.0.1", 9000, "--grpc-port")
    with pytest.raises(ConfigError, match="ports must differ"):
        load_config(None, {"server": "groupnl", "grpc_port": config.inference_port})
