"""Prometheus' own configuration: whom it asks, how often, and which rules it computes."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from groupnl.base.addresses import HostAndPort
from groupnl.monitoring.rules import HEADER, yaml_text

JOB = "groupnl"
FRONTEND_JOB = "torchserve"
GPU_JOB = "gpus"
USUAL_FRONTENDS = ("127.0.0.1:8082",)


class ScrapeConfig(BaseModel):
    """What Prometheus asks.

    Attributes:
        workers: address of the workers' metrics (`metrics_port` of `groupnl serve`), HOST:PORT; several for replicas.
        frontends: address of TorchServe's own metrics (`frontend_metrics_port`), HOST:PORT; our own server has none.
        gpus: address of NVIDIA's exporter (dcgm-exporter), HOST:PORT, where there is one.
        alertmanager: who gets the alerts, HOST:PORT.
        interval_s: seconds between two questions.
        evaluation_interval_s: seconds between two computations of the rules.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    workers: tuple[HostAndPort, ...] = ("127.0.0.1:8083",)
    frontends: tuple[HostAndPort, ...] = ()
    gpus: tuple[HostAndPort, ...] = ()
    alertmanager: HostAndPort = "127.0.0.1:9093"
    interval_s: Annotated[int, Field(ge=1)] = 15
    evaluation_interval_s: Annotated[int, Field(ge=1)] = 30


def with_torchserve(config: ScrapeConfig) -> ScrapeConfig:
    """The same for a service that is served by TorchServe, whose frontend is asked where it usually is."""
    return config if config.frontends else config.model_copy(update={"frontends": USUAL_FRONTENDS})


def prometheus_config(config: ScrapeConfig) -> str:
    """The text of `prometheus.yml`; the rules lie beside it in `rules/`."""
    jobs = {JOB: config.workers, FRONTEND_JOB: config.frontends, GPU_JOB: config.gpus}
    content = {
        "global": {
            "scrape_interval": f"{config.interval_s}s",
            "evaluation_interval": f"{config.evaluation_interval_s}s",
        },
        "rule_files": ["rules/*.yml"],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [config.alertmanager]}]}]},
        "scrape_configs": [
            {"job_name": job, "static_configs": [{"targets": list(targets)}]}
            for job, targets in jobs.items()
            if targets
        ],
    }
    return HEADER + yaml_text(content)
