"""What the image says of its container is what compose.yaml and the manifests for Kubernetes give it."""

import argparse
import os
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from support.dockerfile import LAST_STAGE, ROOT, copied, instruction, words

from groupnl.base.options import read_options
from groupnl.errors import ConfigError
from groupnl.server.command import Options, add_arguments
from groupnl.server.config import ServeConfig, load_config

KUBERNETES = ROOT / "serving_config" / "kubernetes"
MANIFESTS = {"deployment": "service/deployment.yaml", "kserve": "kserve/inference-service.yaml"}
# kserve-canary and example are overlays of these two, with a configuration of their own.
CONFIGURATIONS = {
    "service": "deployment",
    "example": "deployment",
    "kserve": "kserve",
    "kserve-canary": "kserve",
}
SPARE_S = 20  # between the last answer and the end


class Asked(NamedTuple):
    """What a file asks of a container of the image.

    Attributes:
        arguments: after those of the image.
        ports: of the container.
        written: folders that may be written.
        read: folders that are mounted to be read.
        end_s: until the container is killed, once it was told to end; None: not said there.
    """

    arguments: list[str]
    ports: set[int]
    written: set[str]
    read: set[str]
    end_s: int | None


def of_compose() -> Asked:
    service = yaml.safe_load((ROOT / "serving_config" / "compose.yaml").read_text(encoding="utf-8"))["services"][
        "service"
    ]
    assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"user", "entrypoint", "healthcheck", "stop_signal"} & set(service)  # the image's
    mounts = [volume.split(":")[1:] for volume in service["volumes"]]
    return Asked(
        service["command"],
        {int(port.rsplit(":", 1)[1]) for port in service["ports"]},
        {target for target, *mode in mounts if mode != ["ro"]},
        {target for target, *mode in mounts if mode == ["ro"]},
        int(service["stop_grace_period"].removesuffix("s")),
    )


def of_pod(pod: dict[str, Any]) -> Asked:
    (container,) = pod["containers"]
    context = {**pod.get("securityContext", {}), **container["securityContext"]}
    assert (context["readOnlyRootFilesystem"], context["capabilities"]) == (True, {"drop": ["ALL"]})
    assert context["allowPrivilegeEscalation"] is False
    assert instruction("USER") == f"{context['runAsUser']}:{context.get('runAsGroup', context['runAsUser'])}"
    assert "command" not in container
    mounts = container["volumeMounts"]
    return Asked(
        container["args"],
        {port["containerPort"] for port in container["ports"]},
        {mount["mountPath"] for mount in mounts if not mount.get("readOnly")},
        {mount["mountPath"] for mount in mounts if mount.get("readOnly")},
        pod.get("terminationGracePeriodSeconds"),
    )


def of_manifest(name: str) -> Asked:
    spec = yaml.safe_load((KUBERNETES / MANIFESTS[name]).read_text(encoding="utf-8"))["spec"]
    return of_pod(spec["template"]["spec"] if "template" in spec else spec["predictor"])


@pytest.fixture(params=["compose", *MANIFESTS])
def asked(request: pytest.FixtureRequest) -> Asked:
    return of_compose() if request.param == "compose" else of_manifest(request.param)


def config_path() -> tuple[Path, Path]:
    """The file that the image is configured with, in the repository and in the container."""
    ((source, target),) = copied().items()
    return ROOT / source, Path(target)


def started(arguments: list[str], mounted: Path | None = None) -> ServeConfig:
    """What the image's words and these start, with the image's file or the one that is mounted in its place."""
    program, command, *entry = words("ENTRYPOINT")
    assert (program, command) == ("groupnl", "serve")
    parser = argparse.ArgumentParser(exit_on_error=False)
    add_arguments(parser)
    options = read_options(Options, parser.parse_args([*entry, *arguments]))
    file, inside = config_path()
    assert options.config == inside
    return load_config(mounted or file, options.settings)


@pytest.fixture
def image() -> ServeConfig:
    """What it starts by itself, behind keys."""
    return started(["--keys", "keys.txt"])


def test_ports(asked: Asked, image: ServeConfig) -> None:
    assert instruction("EXPOSE") == str(image.inference_port)
    assert image.inference_port in asked.ports
    assert image.host == "0.0.0.0"


def test_what_is_written_is_a_volume_and_nothing_else(asked: Asked, image: ServeConfig) -> None:
    volumes = set(words("VOLUME"))
    assert asked.written == volumes
    assert image.state_dir is not None
    for path in (image.log_dir, image.state_dir):
        assert any(path.is_relative_to(volume) for volume in volumes)
    assert f"COPY --from=build {image.model_store} {image.model_store}" in LAST_STAGE


@pytest.mark.parametrize("folder", CONFIGURATIONS)
def test_a_mounted_configuration_takes_the_place_of_the_images(folder: str, image: ServeConfig) -> None:
    asked = of_manifest(CONFIGURATIONS[folder])
    config = started(asked.arguments, KUBERNETES / folder / "serve.yaml")
    for field in ("host", "inference_port", "log_dir", "state_dir", "model_store"):
        assert getattr(config, field) == getattr(image, field)
    assert str(config_path()[1].parent) in asked.read


def test_archives_that_are_fetched_lie_in_a_volume() -> None:
    added = yaml.safe_load((KUBERNETES / "archives" / "kustomization.yaml").read_text(encoding="utf-8"))["patches"][0]
    arguments = [change["value"] for change in yaml.safe_load(added["patch"])]
    store = started([*arguments, "--keys", "keys.txt"]).model_store
    assert any(store.is_relative_to(volume) for volume in words("VOLUME"))


def test_the_end_has_its_time(asked: Asked, image: ServeConfig) -> None:
    assert asked.end_s is None or asked.end_s >= image.drain_s + SPARE_S


def test_docker_and_kubernetes_ask_the_same_probe(image: ServeConfig) -> None:
    address = re.search(r"HTTPConnection\('127\.0\.0\.1', (\d+).*request\('GET', '(/\w+)'", words("HEALTHCHECK")[-1])
    assert address
    assert int(address[1]) == image.inference_port
    for file in MANIFESTS.values():
        text = (KUBERNETES / file).read_text(encoding="utf-8")
        assert re.findall(r"readinessProbe:\s+httpGet:\s+path: (\S+)", text) == [address[2]]


@pytest.mark.parametrize(("path", "status"), [("/ready", 0), ("/elsewhere", 1)])
def test_the_probe_fails_unless_it_is_answered_200(path: str, status: int, image: ServeConfig) -> None:
    """Whatever proxy is named: what stands there would answer in place of the service."""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == path else 204)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.handle_request, daemon=True)
        thread.start()
        asked = words("HEALTHCHECK")[-1].replace(str(image.inference_port), str(server.server_port))
        nowhere = os.environ | {"http_proxy": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9"}
        assert subprocess.run([sys.executable, "-c", asked], env=nowhere, timeout=60).returncode == status
        thread.join()


def test_the_user_is_made_and_owns_its_folders() -> None:
    user = re.search(r"useradd .*--uid (\d+) (\w+)", LAST_STAGE)
    assert user
    assert instruction("USER") == f"{user[1]}:{user[1]}"
    owned = re.search(rf"install --directory --owner {user[2]} --group {user[2]} (.*)$", LAST_STAGE, re.MULTILINE)
    assert owned
    assert {*owned[1].split(), "/tmp"} == set(words("VOLUME"))


def test_it_starts_with_keys_or_is_told_that_all_may_ask() -> None:
    with pytest.raises(ConfigError, match="ask for keys"):
        started([])
    assert started(of_compose().arguments).allow_open
