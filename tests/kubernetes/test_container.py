"""serving_config/kubernetes: what the manifests ask of the container is what the image and `groupnl serve` have."""

import argparse
import re
from pathlib import Path
from typing import Any

import pytest
from support.kustomize import ROOT, config_of, only, pod_of

from groupnl.base.cores import quotas
from groupnl.base.options import read_options
from groupnl.gate.command import add_arguments as add_gate_arguments
from groupnl.server.command import Options, add_arguments
from groupnl.server.config import ServeConfig, load_config
from groupnl.server.pool.models import Models
from groupnl.server.web.arriving import Arriving
from groupnl.server.web.limits import Limits
from groupnl.server.web.routes import public_routes
from groupnl.server.web.state import State

DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
STORE = {"service": "/opt/model_store", "example": "/var/lib/groupnl/store"}
UNITS = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30}


@pytest.fixture(params=["service", "example", "kserve", "kserve-canary"])
def folder(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def pod(folder: str) -> dict[str, Any]:
    return pod_of(folder)


@pytest.fixture
def container(pod: dict[str, Any]) -> dict[str, Any]:
    (container,) = pod["containers"]
    return dict(container)


@pytest.fixture
def config(folder: str, container: dict[str, Any], tmp_path: Path) -> ServeConfig:
    """What the container is served with: the image's words, the manifest's, and the mounted file."""
    entry = re.search(r'^ENTRYPOINT \["groupnl", "serve", (.*)\]$', DOCKERFILE, re.MULTILINE)
    assert entry
    parser = argparse.ArgumentParser(exit_on_error=False)
    add_arguments(parser)
    words = [*re.findall(r'"([^"]*)"', entry[1]), *container["args"]]
    options = read_options(Options, parser.parse_args(words))
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert str(options.config) == f"{mounts['config']}/serve.yaml"
    file = tmp_path / "serve.yaml"
    file.write_text(str(config_of(folder)))
    return load_config(file, options.settings)


def mount_of(container: dict[str, Any], path: Path) -> dict[str, Any]:
    """The mount that has a path."""
    (mount,) = [each for each in container["volumeMounts"] if path.is_relative_to(each["mountPath"])]
    return dict(mount)


def amount(text: str) -> int:
    return int(text[:-2]) * UNITS[text[-2:]]


def test_ports(folder: str, container: dict[str, Any], config: ServeConfig) -> None:
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    metrics = only(folder, "PodMonitor")["spec"]["podMetricsEndpoints"][0] if folder != "service" else {}
    if "http1" in ports:
        assert ports == {"http1": config.inference_port}
        assert metrics["portNumber"] == config.metrics_port
    else:
        assert ports == {"http": config.inference_port, "metrics": config.metrics_port}
        assert only(folder, "Service")["spec"]["ports"][0]["targetPort"] == "http"
    assert f"EXPOSE {config.inference_port}\n" in DOCKERFILE
    assert (config.host, config.metrics_host, config.allow_open) == ("0.0.0.0", "0.0.0.0", False)


def test_probes_ask_what_the_server_answers_without_a_key(container: dict[str, Any], config: ServeConfig) -> None:
    routes = public_routes(Models(), Limits(1, 1, Arriving(1)), State())
    probes = {name: container[name]["httpGet"] for name in container if name.endswith("Probe")}
    assert probes["readinessProbe"]["path"] == "/ready"
    assert probes["livenessProbe"]["path"] == "/live"
    for probe in probes.values():
        (route,) = [route for route in routes if route.path.fullmatch(probe["path"])]
        assert route.is_open or route.is_health
        assert probe["port"] in ("http", config.inference_port)


def test_the_start_has_its_time(container: dict[str, Any], config: ServeConfig) -> None:
    """Archives are fetched and engines measured before the time for the models begins."""
    probe = container.get("startupProbe")
    if probe:
        assert probe["periodSeconds"] * probe["failureThreshold"] >= config.startup_timeout_s + 300
    else:
        assert container["livenessProbe"]["initialDelaySeconds"] >= config.startup_timeout_s


@pytest.mark.parametrize("folder", ["service", "example"])
def test_the_end_has_its_time(pod: dict[str, Any], container: dict[str, Any], config: ServeConfig) -> None:
    _, seconds = container["lifecycle"]["preStop"]["exec"]["command"]
    assert pod["terminationGracePeriodSeconds"] >= int(seconds) + config.drain_s + 20


def test_what_is_written_is_mounted_and_nothing_else_can_be(
    folder: str, pod: dict[str, Any], container: dict[str, Any], config: ServeConfig
) -> None:
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert config.state_dir is not None
    for path in (config.log_dir, config.state_dir, Path("/tmp")):
        assert not mount_of(container, path).get("readOnly")
    assert config.keys is not None
    assert mount_of(container, config.keys)["readOnly"] is True
    assert str(config.model_store) == STORE.get(folder, "/opt/model_store")
    if folder == "example":
        assert all("#sha256=" in model for model in config.models)
        assert not mount_of(container, config.model_store).get("readOnly")
    claims = only(folder, "StatefulSet")["spec"]["volumeClaimTemplates"] if folder == "example" else []
    volumes = {volume["name"] for volume in pod["volumes"]} | {claim["metadata"]["name"] for claim in claims}
    assert {mount["name"] for mount in container["volumeMounts"]} == volumes


def test_it_runs_as_the_images_user_and_may_do_nothing_else(pod: dict[str, Any], container: dict[str, Any]) -> None:
    user = re.search(r"useradd .*--uid (\d+)", DOCKERFILE)
    assert user
    context = {**pod.get("securityContext", {}), **container["securityContext"]}
    assert context["runAsUser"] == int(user[1])
    assert context["runAsNonRoot"] is True
    assert context["allowPrivilegeEscalation"] is False
    assert context["capabilities"] == {"drop": ["ALL"]}
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}


def test_default_archives_are_those_of_the_image(folder: str, config: ServeConfig) -> None:
    packed = set(re.findall(r"--model-name (\w+)", DOCKERFILE))
    assert folder == "example" or set(config.models) <= packed


def test_a_worker_for_each_core_that_the_limit_pays_for(
    container: dict[str, Any], config: ServeConfig, tmp_path: Path
) -> None:
    """As the kubelet writes it for the group of a container."""
    limits = container["resources"]["limits"]
    (tmp_path / "proc" / "self").mkdir(parents=True)
    (tmp_path / "proc" / "self" / "cgroup").write_text("0::/\n")
    group = tmp_path / "sys" / "fs" / "cgroup"
    group.mkdir(parents=True)
    (group / "cpu.max").write_text(f"{int(limits['cpu']) * 100_000} 100000\n")
    assert list(quotas(tmp_path)) == [config.workers]
    assert config.workers is not None
    assert amount(limits["memory"]) >= 3 * 2**30 * config.workers * len(config.models)


def test_the_analysis_asks_the_gate_as_it_can_be_asked() -> None:
    spec = only("rollouts", "AnalysisTemplate")["spec"]
    (container,) = spec["metrics"][0]["provider"]["job"]["spec"]["template"]["spec"]["containers"]
    values = {argument["name"]: argument.get("value", "some") for argument in spec["args"]}
    words = [re.sub(r"\{\{args\.([a-z-]+)\}\}", lambda found: values[found[1]], word) for word in container["args"]]
    parser = argparse.ArgumentParser(exit_on_error=False)
    add_gate_arguments(parser)
    parsed = parser.parse_args(words)
    assert (parsed.model, parsed.candidate, parsed.max_loss) == ("some", "some", 1.0)
    assert container["command"][:2] == ["sh", "-c"]
    assert 'groupnl gate "$@"' in container["command"][2]
