"""serving_config/kubernetes: what Prometheus, Grafana and KEDA get is what is generated, and is there to be asked."""

import json
from pathlib import Path

import promql_parser as promql
import pytest
import yaml
from support.expressions import DASHBOARDS, RULE_FILES
from support.kustomize import KUBERNETES, ROOT, config_of, only, pod_of, rendered

from groupnl.archive.model_config import ServingSettings
from groupnl.metrics import QUEUE_LENGTH
from groupnl.monitoring.scrape import JOB


def test_the_rules_are_those_of_prometheus_files() -> None:
    groups = {group["name"]: group for group in only("example", "PrometheusRule")["spec"]["groups"]}
    files = {group["name"]: group for file in RULE_FILES for group in yaml.safe_load(file.read_text())["groups"]}
    assert groups == files


def test_the_dashboards_are_grafanas_files() -> None:
    marked = [
        each for each in rendered(KUBERNETES / "example") if "grafana_dashboard" in each["metadata"].get("labels", {})
    ]
    held = {name: text for each in marked for name, text in each["data"].items()}
    assert held == {file.name: file.read_text() for file in DASHBOARDS}
    assert all(json.loads(text)["title"] for text in held.values())


@pytest.mark.parametrize("folder", ["example", "kserve"])
def test_prometheus_calls_the_job_as_rules_do(folder: str) -> None:
    spec = only(folder, "PodMonitor")["spec"]
    (endpoint,) = spec["podMetricsEndpoints"]
    named = {rule["targetLabel"]: rule.get("replacement") for rule in endpoint["relabelings"]}
    if "jobLabel" in spec:
        labels = only(folder, "StatefulSet")["spec"]["template"]["metadata"]["labels"]
        assert labels[spec["jobLabel"]] == JOB
        assert labels.items() >= spec["selector"]["matchLabels"].items()
    else:
        assert named["job"] == JOB
    assert "instance" in named


def test_scaling_asks_for_the_queue_that_is_counted() -> None:
    spec = only("example", "ScaledObject")["spec"]
    (trigger,) = spec["triggers"]
    query = promql.parse(trigger["metadata"]["query"])
    selector = query.expr.args[0].vector_selector
    assert selector.name == QUEUE_LENGTH.name
    (matcher,) = selector.matchers.matchers
    workload = only("example", "StatefulSet")
    assert (matcher.name, matcher.value) == ("namespace", workload["metadata"]["namespace"])
    assert float(trigger["metadata"]["threshold"]) == ServingSettings().batch_size
    assert spec["scaleTargetRef"] == {"name": workload["metadata"]["name"], "kind": "StatefulSet"}
    assert "replicas" not in workload["spec"]
    assert spec["minReplicaCount"] <= spec["fallback"]["replicas"] <= spec["maxReplicaCount"]


def test_the_secrets_that_the_page_makes_are_those_that_are_asked_for() -> None:
    page = (ROOT / "docs" / "kubernetes.md").read_text()
    (keys,) = [volume["secret"]["secretName"] for volume in pod_of("service")["volumes"] if "secret" in volume]
    file = Path(config_of("service")["keys"]).name
    assert f"kubectl -n groupnl create secret generic {keys} --from-file={file}=" in page
    credentials = only("example", "PodMonitor")["spec"]["podMetricsEndpoints"][0]["authorization"]["credentials"]
    assert f"create secret generic {credentials['name']} --from-literal={credentials['key']}=" in page


def test_prometheus_may_come_in_and_only_fetching_goes_out() -> None:
    for folder, ports in (("service", []), ("example", [53, 53, 443])):
        spec = only(folder, "NetworkPolicy")["spec"]
        assert [port["port"] for rule in spec["egress"] for port in rule["ports"]] == ports
        clients, prometheus = spec["ingress"]
        assert clients == {"ports": [{"port": "http"}]}
        assert prometheus["ports"] == [{"port": "metrics"}]
        assert prometheus["from"]
