"""serving_config/kubernetes: every folder renders, and what comes out is what Kubernetes and the operators take."""

from pathlib import Path

import kubernetes_validate
import pytest
import yaml
from support.custom_resources import MODELS
from support.kustomize import KUBERNETES, Resource, only, rendered

# The oldest and the newest; strict: a field that nobody knows is an error.
VERSIONS = ("1.30", "1.37")
FILES = sorted(KUBERNETES.rglob("*.yaml"))
FOLDERS = [
    file.parent
    for file in FILES
    if file.name == "kustomization.yaml" and yaml.safe_load(file.read_text())["kind"] == "Kustomization"
]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_all_that_is_rendered_is_valid(folder: Path) -> None:
    resources = rendered(folder)
    assert resources
    for resource in resources:
        check(resource)


def check(resource: Resource) -> None:
    if model := MODELS.get(resource["kind"]):
        model.model_validate(resource)
        return
    for version in VERSIONS:
        kubernetes_validate.validate(resource, version, strict=True)


def test_the_pods_of_an_inference_service_are_valid() -> None:
    predictor = only("kserve", "InferenceService")["spec"]["predictor"]
    spec = {"containers": predictor["containers"], "volumes": predictor["volumes"]}
    check({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "groupnl"}, "spec": spec})


def test_the_job_of_the_analysis_is_valid() -> None:
    (metric,) = only("rollouts", "AnalysisTemplate")["spec"]["metrics"]
    job = metric["provider"]["job"]["spec"]
    check({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "gate"}, "spec": job})


@pytest.mark.parametrize("kind", ["Deployment", "NetworkPolicy"])
def test_a_field_that_nobody_knows_is_found(kind: str) -> None:
    resource = only("service", kind)
    with pytest.raises(kubernetes_validate.ValidationError, match="mistyped"):
        check({**resource, "spec": {**resource["spec"], "mistyped": 1}})


def test_the_parts_that_an_overlay_chooses_from_are_all_in_the_example() -> None:
    components = {file.parent for file in FILES if file.name == "kustomization.yaml"} - set(FOLDERS)
    named = yaml.safe_load((KUBERNETES / "example" / "kustomization.yaml").read_text())["components"]
    assert {(KUBERNETES / "example" / name).resolve() for name in named} == components


def test_no_file_is_forgotten() -> None:
    for file in FILES:
        text = (file.parent / "kustomization.yaml").read_text()
        assert file.name == "kustomization.yaml" or f"- {file.name}" in text, file


@pytest.mark.parametrize("kind", ["PodDisruptionBudget", "NetworkPolicy", "Service", "Deployment"])
def test_each_is_about_our_pods_alone(kind: str) -> None:
    """An empty selector is about all pods of the namespace."""
    ours = {"app.kubernetes.io/name": "groupnl"}
    spec = only("service", kind)["spec"]
    selector = spec.get("podSelector") or spec["selector"]
    assert selector == (ours if kind == "Service" else {"matchLabels": ours})
    if kind == "Deployment":
        assert spec["template"]["metadata"]["labels"].items() >= ours.items()


def test_what_a_server_must_store_is_small_enough() -> None:
    """A ConfigMap holds 1 MiB."""
    for resource in rendered(KUBERNETES / "example"):
        assert len(yaml.safe_dump(resource).encode()) < 2**20, resource["metadata"]["name"]
