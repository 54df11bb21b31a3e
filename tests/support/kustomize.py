"""serving_config/kubernetes as a cluster gets it, rendered by a real kubectl: see `.ci/kubectl.sh`."""

import functools
import subprocess
from pathlib import Path
from typing import Any

import yaml
from support.expressions import SERVING_CONFIG
from support.fetched import fetched

KUBERNETES = SERVING_CONFIG / "kubernetes"
ROOT = SERVING_CONFIG.parent
Resource = dict[str, Any]


def program() -> Path:
    """kubectl's; see `fetched`."""
    return fetched("kubectl.sh")


@functools.cache
def rendered(folder: Path) -> list[Resource]:
    """The resources of a folder that has a kustomization."""
    done = subprocess.run([program(), "kustomize", folder], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


def only(folder: str, kind: str) -> Resource:
    """The one resource of a kind.

    Args:
        folder: below serving_config/kubernetes.
        kind: of the resource.
    """
    (resource,) = [resource for resource in rendered(KUBERNETES / folder) if resource["kind"] == kind]
    return resource


def pod_of(folder: str) -> dict[str, Any]:
    """The pod of the service's workload, whichever kind it is."""
    resources = {resource["kind"]: resource.get("spec", {}) for resource in rendered(KUBERNETES / folder)}
    if "InferenceService" in resources:
        return dict(resources["InferenceService"]["predictor"])
    workload = resources.get("Deployment") or resources["StatefulSet"]
    return dict(workload["template"]["spec"])


def config_of(folder: str) -> dict[str, Any]:
    """The content of the serve.yaml that this pod mounts."""
    (named,) = [volume["configMap"]["name"] for volume in pod_of(folder)["volumes"] if "configMap" in volume]
    (text,) = [
        resource["data"]["serve.yaml"]
        for resource in rendered(KUBERNETES / folder)
        if resource["kind"] == "ConfigMap" and resource["metadata"]["name"] == named
    ]
    return dict(yaml.safe_load(text))
