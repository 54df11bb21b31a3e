"""What `groupnl cluster serve` and a file for `serve deploy` may say."""

import asyncio
from pathlib import Path

import pytest
import uvicorn
import yaml
from pydantic import ValidationError

from groupnl.cli import main
from groupnl.cluster.config import NOT_HERE, ClusterConfig
from groupnl.server.config import ServeConfig

ROOT = Path(__file__).parents[2]
DEPLOYED = ROOT / "serving_config" / "ray.yaml"


@pytest.mark.parametrize(("replicas", "least", "most"), [("2", 2, 2), ("1:3", 1, 3)])
def test_replicas_are_a_number_or_a_range(replicas, least, most):
    config = ClusterConfig(replicas=replicas)
    assert (config.least, config.most) == (least, most)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"replicas": "3:1"}, "more at least than at most"),
        ({"replicas": "0"}, "MIN:MAX"),
        ({"server": "torchserve"}, "cannot be served on a cluster"),
        ({"grpc_port": 9000}, "--grpc-port is for `groupnl serve` alone"),
        ({"archives": ["a/x.mar", "b/x.mar"]}, "two archives are called 'x'"),
        ({"host": "0.0.0.0"}, "can be reached from other machines"),
    ],
)
def test_what_cannot_be_is_told(settings, sentence):
    with pytest.raises(ValidationError, match=sentence):
        ClusterConfig.model_validate(settings)


@pytest.mark.parametrize(
    "words",
    [
        ["--archives", "https://host/x.mar?signature=secret"],
        ["--models", "m=s3://host/x.mar?signature=secret#sha256=00"],
        ["--models", "m=m.mar", "--candidate", "m=https://user:secret@host/x.mar"],
    ],
)
def test_an_address_is_refused_and_not_shown(words, capsys):
    assert main(["cluster", "serve", *words]) != 0
    text = capsys.readouterr().err
    assert "a cluster fetches none" in text
    assert "secret" not in text


@pytest.mark.parametrize("command", [["serve"], ["cluster", "serve"]])
@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--models", "https://user:secret@host/x.mar?signature=secret"], "write NAME=URL#sha256=HEX"),
        (["--candidate", "https://host/x.mar?signature=secret"], "write MODEL=URL#sha256=HEX"),
        (["--models", *["m=https://host/x.mar?signature=secret"] * 2], "stands twice"),
    ],
)
def test_nor_is_one_that_is_refused_for_another_reason(command, words, sentence, capsys):
    assert main([*command, *words]) != 0
    text = capsys.readouterr().err
    assert sentence in text
    assert "https://host/x.mar?..." in text
    assert "secret" not in text


def test_files_are_those_of_where_the_command_was_given(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    given = {"archives": ["a.mar"], "models": ["b", "c=c.mar"], "candidates": ["b=d.mar"], "state_dir": "state"}
    config = ClusterConfig.model_validate(given | {"keys": "/etc/keys"}).absolute()
    assert config.archives == (tmp_path / "a.mar",)
    assert config.models == ("b", f"c={tmp_path / 'c.mar'}")
    assert config.candidates == (f"b={tmp_path / 'd.mar'}",)
    assert (config.model_store, config.log_dir) == (tmp_path / "model_store", tmp_path / "logs")
    assert (config.state_dir, config.keys, config.tls_cert) == (tmp_path / "state", Path("/etc/keys"), None)
    assert ClusterConfig.model_validate(config.model_dump()) == config


def test_keys_that_would_not_reach_a_running_cluster_are_refused(monkeypatch, capsys):
    monkeypatch.setenv("GROUPNL_KEYS", "anything")
    assert main(["cluster", "serve", "--address", "10.0.0.5:6379"]) != 0
    assert "use --keys FILE" in capsys.readouterr().err


def test_a_missing_archive_is_told_before_ray_is_started(tmp_path, capsys):
    missing = tmp_path / "missing.mar"
    assert main(["cluster", "serve", "--archives", str(missing)]) == 1
    assert str(missing) in capsys.readouterr().err


def test_what_a_cluster_cannot_have_is_not_offered(capsys):
    with pytest.raises(SystemExit):
        main(["cluster", "serve", "--help"])
    text = capsys.readouterr().out
    assert "--replicas" in text
    assert "--shadow-share" in text
    assert [field for field in NOT_HERE if f"--{field.replace('_', '-')} " in text] == []


def test_a_replica_has_the_settings_of_the_cluster(tmp_path):
    config = ClusterConfig(shadow_share=0.5, state_dir=tmp_path, queue_size=7)
    replica = config.of_a_replica({"m": "/archives/m.mar"}, tmp_path / "logs", "10.0.0.6")
    assert replica == ServeConfig(
        models=("m=/archives/m.mar",), shadow_share=0.5, queue_size=7, log_dir=tmp_path / "logs"
    )


@pytest.mark.parametrize(
    ("asked", "node", "host"),
    [
        ("127.0.0.1", "10.0.0.6", "127.0.0.1"),
        ("0.0.0.0", "10.0.0.6", "0.0.0.0"),
        ("10.0.0.5", "10.0.0.6", "10.0.0.6"),
        ("head.internal", "10.0.0.6", "10.0.0.6"),
        ("10.0.0.5", "127.0.0.1", "10.0.0.5"),
    ],
)
def test_a_replicas_metrics_are_at_an_address_of_its_node(asked, node, host, tmp_path):
    config = ClusterConfig(metrics_host=asked, allow_open=True)
    assert config.of_a_replica({"m": "/archives/m.mar"}, tmp_path, node).metrics_host == host


@pytest.mark.filterwarnings("ignore")  # of what Ray's own modules do
def test_the_file_for_serve_deploy_is_understood():
    schema = pytest.importorskip("ray.serve.schema", reason="the extra ray is not installed")
    deployed = schema.ServeDeploySchema.model_validate(yaml.safe_load(DEPLOYED.read_text()))
    (application,) = deployed.applications
    config = ClusterConfig.model_validate(application.args)
    assert application.import_path == "groupnl.cluster.application:build"
    assert (config.host, config.inference_port) == (deployed.http_options.host, deployed.http_options.port)
    assert deployed.http_options.request_timeout_s > config.request_timeout_s
    environment = deployed.controller_options.runtime_env["env_vars"]
    from groupnl.cluster.application import PROXY_ENVIRONMENT

    assert environment.items() <= PROXY_ENVIRONMENT.items()
    assert set(PROXY_ENVIRONMENT) - set(environment) == {"RAY_USAGE_STATS_ENABLED"}  # the cluster's affair


@pytest.mark.filterwarnings("ignore")  # of what Ray's own modules do
@pytest.mark.parametrize("peer", ["127.0.0.1", "::1", "10.0.0.7"])
def test_the_proxies_believe_nobody_who_asks(peer, monkeypatch):
    """As Ray's proxies make theirs: `trusted_proxies` of the service reads what was sent, and the peer."""
    pytest.importorskip("ray", reason="the extra ray is not installed")
    from groupnl.cluster.application import PROXY_ENVIRONMENT

    seen = []

    async def app(scope, receive, send):
        seen.append((scope["client"], scope["scheme"]))

    monkeypatch.setenv("FORWARDED_ALLOW_IPS", PROXY_ENVIRONMENT["FORWARDED_ALLOW_IPS"])
    config = uvicorn.Config(lambda: app, factory=True, lifespan="off", log_config=None)
    config.load()
    headers = [(b"x-forwarded-for", b"203.0.113.7"), (b"x-forwarded-proto", b"https")]
    scope = {"type": "http", "client": (peer, 4711), "scheme": "http", "headers": headers}
    asyncio.run(config.loaded_app(scope, None, None))
    assert seen == [((peer, 4711), "http")]
