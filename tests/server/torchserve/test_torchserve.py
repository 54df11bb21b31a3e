"""groupnl.server.torchserve.frontend: the configuration that TorchServe is given; environment: what it inherits."""

from pathlib import Path

import pytest

from groupnl.base import environment
from groupnl.errors import ConfigError
from groupnl.images import Limits
from groupnl.server.config import ServeConfig
from groupnl.server.store import USUAL_REQUEST_BYTES, ServedModel
from groupnl.server.torchserve.frontend import properties


def _parsed(config: ServeConfig, max_image_bytes: int = 0) -> dict[str, str]:
    models = [ServedModel("a", Path("a.mar")), ServedModel("b", Path("b.mar"))]
    lines = properties(config, models, Path("/run/store"), max_image_bytes).splitlines()
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
    assert _parsed(ServeConfig(server="torchserve", token_auth=True))["disable_token_authorization"] == "false"


def test_an_image_of_the_limit_fits_into_a_form() -> None:
    assert Limits().max_bytes + 64 * 1024 < USUAL_REQUEST_BYTES
    assert _parsed(ServeConfig())["max_request_size"] == str(USUAL_REQUEST_BYTES)
    assert _parsed(ServeConfig(), 1000)["max_request_size"] == str(USUAL_REQUEST_BYTES)
    assert int(_parsed(ServeConfig(), 100_000_000)["max_request_size"]) > 100_000_000 + 64 * 1024


def test_images_too_large_for_torchserve_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"limits\.max_bytes = 2147483648"):
        _parsed(ServeConfig(), 2**31)


def test_environment_of_the_child(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TS_CONFIG_FILE", "/somewhere/else")
    monkeypatch.setenv("KEPT", "yes")
    child = environment.child_environment({"TMPDIR": "/run"})
    assert "TS_CONFIG_FILE" not in child
    assert (child["KEPT"], child["TMPDIR"]) == ("yes", "/run")


def test_huge_pages_unless_the_user_has_tunables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GLIBC_TUNABLES", raising=False)
    assert environment.huge_pages() == {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}
    monkeypatch.setenv("GLIBC_TUNABLES", "glibc.malloc.check=3")
    assert environment.huge_pages() == {}
