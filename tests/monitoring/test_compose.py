"""serving_config/compose.yaml: what it mounts exists, nothing is open, and the ports are those of the configuration."""

import re
from typing import Any

import pytest
import yaml
from support.expressions import SERVING_CONFIG

from groupnl.monitoring.scrape import ScrapeConfig, with_torchserve
from groupnl.server.config import ServeConfig

COMPOSE = yaml.safe_load((SERVING_CONFIG / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
# What the format allows, as far as it is used here.
KEYS = {
    "build",
    "cap_drop",
    "command",
    "depends_on",
    "environment",
    "image",
    "init",
    "network_mode",
    "ports",
    "read_only",
    "restart",
    "security_opt",
    "stop_grace_period",
    "volumes",
}


def test_keys() -> None:
    assert set(COMPOSE) == {"name", "services", "volumes"}
    for name, service in SERVICES.items():
        assert set(service) <= KEYS, name
        assert "image" in service, name
        assert ("build" in service) == (name == "service")


def test_built_from_this_repository() -> None:
    assert (SERVING_CONFIG / SERVICES["service"]["build"]["context"] / "Dockerfile").exists()


def test_images_have_versions() -> None:
    for service in SERVICES.values():
        if "build" not in service:
            assert re.fullmatch(r"[a-z]+/[a-z]+:v?\d+\.\d+\.\d+", service["image"])


def test_mounts() -> None:
    mounts = [volume.split(":") for service in SERVICES.values() for volume in service.get("volumes", [])]
    for source, target, *mode in mounts:
        assert target.startswith("/")
        if source.startswith("./"):
            assert (SERVING_CONFIG / source).exists(), source
            assert mode == ["ro"]
        else:
            assert source in COMPOSE["volumes"]
    assert {mount[0] for mount in mounts if not mount[0].startswith(".")} == set(COMPOSE["volumes"])


@pytest.mark.parametrize("name", sorted(set(SERVICES) - {"service"}))
def test_all_share_the_services_network(name: str) -> None:
    """So 127.0.0.1 in every configuration file is right with and without containers."""
    assert SERVICES[name]["network_mode"] == "service:service"
    assert "ports" not in SERVICES[name]
    assert SERVICES[name]["depends_on"]["service"]["condition"] == "service_started"


def test_ports() -> None:
    ports = [port.split(":") for port in SERVICES["service"]["ports"]]
    assert {host for host, _, _ in ports} == {"127.0.0.1"}
    assert all(outside == inside for _, outside, inside in ports)
    alertmanager = int(ScrapeConfig().alertmanager.split(":")[1])
    source = yaml.safe_load((SERVING_CONFIG / "grafana/provisioning/datasources/prometheus.yml").read_text())
    prometheus = int(source["datasources"][0]["url"].rsplit(":", 1)[1])
    grafana = 3000
    assert {int(inside) for *_, inside in ports} == {ServeConfig().inference_port, prometheus, alertmanager, grafana}


def test_prometheus_scrapes_the_default_ports() -> None:
    defaults = ServeConfig()
    assert ScrapeConfig().workers == (f"127.0.0.1:{defaults.metrics_port}",)
    assert ScrapeConfig().frontends == ()
    assert with_torchserve(ScrapeConfig()).frontends == (f"127.0.0.1:{defaults.frontend_metrics_port}",)


def test_prometheus_scrapes_the_server_that_is_started() -> None:
    mounted = [volume.split(":")[0] for volume in SERVICES["prometheus"]["volumes"]]
    file = {"groupnl": "prometheus", "torchserve": "torchserve"}[ServeConfig().server]
    assert f"./prometheus/{file}.yml" in mounted


def test_mounted_files_are_those_that_the_commands_name() -> None:
    for name in ("prometheus", "alertmanager"):
        service = SERVICES[name]
        targets = [volume.split(":")[1] for volume in service["volumes"]]
        files = [
            word.split("=", 1)[1] for word in service["command"] if word.startswith(("--config.file", "--storage"))
        ]
        assert len([file for file in files if file.startswith("/")]) >= 2
        assert {file for file in files if file.startswith("/")} <= set(targets)
