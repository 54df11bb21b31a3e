"""The resources of operators, as far as serving_config/kubernetes uses them: their own definitions are megabytes.

They were compared once with the definitions of Prometheus' operator, KEDA, KServe and Argo Rollouts. Whoever uses
another field adds it here, and looks it up there. Pods inside are checked with Kubernetes' own schemas, elsewhere.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class Part(BaseModel):
    """Has no other fields."""

    model_config = ConfigDict(extra="forbid", strict=True, alias_generator=to_camel)


class Metadata(Part):
    name: str
    namespace: str | None = None
    labels: dict[str, str] = {}


class Labels(Part):
    match_labels: dict[str, str]


class SecretKey(Part):
    name: str
    key: str


class Authorization(Part):
    credentials: SecretKey


class Relabeling(Part):
    target_label: str
    source_labels: list[str] | None = None
    replacement: str | None = None


class Endpoint(Part):
    interval: str
    authorization: Authorization
    relabelings: list[Relabeling]
    port: str | None = None
    port_number: int | None = None


class PodMonitorSpec(Part):
    selector: Labels
    pod_metrics_endpoints: list[Endpoint]
    job_label: str | None = None


class PodMonitor(Part):
    api_version: Literal["monitoring.coreos.com/v1"]
    kind: Literal["PodMonitor"]
    metadata: Metadata
    spec: PodMonitorSpec


class Group(Part):
    name: str
    rules: list[dict[str, Any]]  # as Prometheus' own files have them
    interval: str | None = None


class RuleSpec(Part):
    groups: list[Group]


class PrometheusRule(Part):
    api_version: Literal["monitoring.coreos.com/v1"]
    kind: Literal["PrometheusRule"]
    metadata: Metadata
    spec: RuleSpec


class Target(Part):
    name: str
    kind: str = "Deployment"


class Policy(Part):
    type: Literal["Pods", "Percent"]
    value: int
    period_seconds: int


class Rules(Part):
    policies: list[Policy]
    stabilization_window_seconds: int | None = None


class Behavior(Part):
    scale_up: Rules
    scale_down: Rules


class AutoscalerConfig(Part):
    behavior: Behavior


class Advanced(Part):
    horizontal_pod_autoscaler_config: AutoscalerConfig


class Fallback(Part):
    failure_threshold: int
    replicas: int


class Trigger(Part):
    type: Literal["prometheus"]
    metric_type: Literal["AverageValue"]  # the only one that a fallback goes with
    metadata: dict[Literal["serverAddress", "query", "threshold"], str]


class ScaledObjectSpec(Part):
    scale_target_ref: Target
    min_replica_count: int
    max_replica_count: int
    polling_interval: int
    fallback: Fallback
    advanced: Advanced
    triggers: list[Trigger]


class ScaledObject(Part):
    api_version: Literal["keda.sh/v1alpha1"]
    kind: Literal["ScaledObject"]
    metadata: Metadata
    spec: ScaledObjectSpec


class Predictor(Part):
    containers: list[dict[str, Any]]
    volumes: list[dict[str, Any]]
    min_replicas: int
    max_replicas: int
    scale_metric: Literal["cpu", "memory", "concurrency", "rps"]
    scale_target: int
    timeout: int
    canary_traffic_percent: int | None = None


class InferenceServiceSpec(Part):
    predictor: Predictor


class InferenceService(Part):
    api_version: Literal["serving.kserve.io/v1beta1"]
    kind: Literal["InferenceService"]
    metadata: Metadata
    spec: InferenceServiceSpec


class Argument(Part):
    name: str
    value: str | None = None


class JobProvider(Part):
    spec: dict[str, Any]


class Provider(Part):
    job: JobProvider


class Metric(Part):
    name: str
    provider: Provider


class AnalysisTemplateSpec(Part):
    args: list[Argument]
    metrics: list[Metric]


class AnalysisTemplate(Part):
    api_version: Literal["argoproj.io/v1alpha1"]
    kind: Literal["AnalysisTemplate"]
    metadata: Metadata
    spec: AnalysisTemplateSpec


MODELS: dict[str, type[Part]] = {
    model.__name__: model for model in (PodMonitor, PrometheusRule, ScaledObject, InferenceService, AnalysisTemplate)
}
