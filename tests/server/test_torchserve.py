"""groupnl.server.torchserve: the configuration that TorchServe is given; environment: what it inherits."""

from pathlib import Path

import pytest

from groupnl import environment
from groupnl.images import Limits
from groupnl.server.config import ServeConfig
from groupnl.server.store import ServedModel
from groupnl.server.torchserve import MAX_REQUEST_BYTES, properties


def _parsed(config: ServeConfig) -> dict[str, str]:
    models = [ServedModel("a", Path("a.mar")), ServedModel("b", Path("b.mar"))]
    lines = properties(config, models, Path("/run/store")).splitlines()
    return dict(line.split("=", 1) for line in lines)


def test_closed_by_default() -> None:
    given = _parsed(ServeConfig())
    assert given["inference_address"] == "http://127.0.0.1:8080"
    assert given["management_address"] == "http://127.0.0.1:8081"
    assert given["metrics_address"] == "http://127.0.0.1:8082"
    assert given["enable_model_api"] == "false"
    assert given["allowed_urls"] == "file:///run/store/.*"
    assert given["load_models"] == "a=a,b=b"
    assert not any(name.startswith("cors") for name in given)


def test_keys_only_when_asked_for() -> None:
    assert _parsed(ServeConfig())["disable_token_authorization"] == "true"
    assert _parsed(ServeConfig(token_auth=True))["disable_token_authorization"] == "false"


def test_an_image_of_the_limit_fits_into_a_form() -> None:
    assert Limits().max_bytes + 64 * 1024 < MAX_REQUEST_BYTES


def test_environment_of_the_child(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TS_CONFIG_FILE", "/somewhere/else")
    monkeypatch.setenv("KEPT", "yes")
    child = environment.child_environment({"TMPDIR": "/run"})
    assert "TS_CONFIG_FILE" not in child
    assert (child["KEPT"], child["TMPDIR"]) == ("yes", "/run")
