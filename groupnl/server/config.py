"""Configuration of the service: defaults, then the YAML file (`--config`), then the options of `groupnl serve`.

Read once, before anything is started. Every port, host and limit of the running service comes from here.
"""

import ipaddress
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from groupnl.archive.model_config import JavaInt, UpToMost
from groupnl.base.mapping import deep_merge
from groupnl.base.numbers import Positive, Share
from groupnl.base.options import read_settings
from groupnl.base.texts import form

Port = Annotated[int, Field(ge=1, le=65535)]
Host = Annotated[str, form(r"[A-Za-z0-9]([A-Za-z0-9.\-]*[A-Za-z0-9])?", "an IPv4 address or the name of a host")]
Origin = Annotated[str, form(r"\*|[a-z][a-z0-9+.\-]*://[^/\s,;*]+", "a site, such as https://example.org, or *")]
_NO_KEYS = ("--metrics-port", "--frontend-metrics-port")


class ServeConfig(BaseModel):
    """What is served, where, and how.

    Attributes:
        server: who serves: our own server, or TorchServe.
        models: ``NAME`` (NAME.mar in the model store) or ``NAME=PATH.mar``; empty: every archive in the model store.
        model_store: folder of the archives.
        host: address of the inference port; an IPv4 address or a host name.
        management_host: address of the management port.
        metrics_host: address of both metrics ports.
        inference_port: predictions.
        management_port: TorchServe's management API; it can describe and scale models, but load none.
        management_socket: file of our own server's management API; None: by the inference port, in the user's folder
            for such files.
        metrics_port: what the workers count, in Prometheus format; see `groupnl.metrics`.
        frontend_metrics_port: TorchServe's own metrics, in Prometheus format.
        workers: worker processes per model; None: as the archive says.
        batch_size: most requests in one batch; None: as the archive says.
        max_batch_delay_ms: how long the first request of a batch may wait for others; None: as the archive says.
        response_timeout_s: a worker that takes longer for a batch is ended and restarted; None: as the archive says.
        queue_size: waiting requests per model; further ones are answered 503.
        queue_bytes: waiting bytes of images per model; further requests are answered 503. Not with TorchServe.
        request_timeout_s: a request without an answer after so long is answered 504. Not with TorchServe.
        receive_timeout_s: a request whose body is not here after so long is answered 408. Not with TorchServe.
        cors_origins: sites whose pages may ask from a browser, such as ``https://example.org``; ``*``: all. Not with
            TorchServe.
        drain_s: how long a service that was told to stop may take for the requests in hand. Not with TorchServe.
        handler: replaces single keys of the archives' `handler` section (device, precision, limits, shadow).
        shadow_share: share of the live images that are answered again, corrupted; None: as the archives say.
        twins: compare models with the twins that their archives name.
        log_dir: folder of the log files.
        token_auth: clients must send a key (TorchServe's token authorization) to the inference and management ports.
            There are no keys for the metrics ports.
        token_expiration_min: lifetime of such a key, minutes; then it must be renewed.
        allow_open: allow addresses other than loopback without keys.
        startup_timeout_s: how long the models may take until each has answered a prediction.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    server: Literal["groupnl", "torchserve"] = "torchserve"
    models: tuple[str, ...] = ()
    model_store: Path = Path("model_store")
    host: Host = "127.0.0.1"
    management_host: Host = "127.0.0.1"
    metrics_host: Host = "127.0.0.1"
    inference_port: Port = 8080
    management_port: Port = 8081
    management_socket: Path | None = None
    metrics_port: Port = 8083
    frontend_metrics_port: Port = 8082
    workers: UpToMost | None = None
    batch_size: UpToMost | None = None
    max_batch_delay_ms: JavaInt | None = None
    response_timeout_s: JavaInt | None = None
    queue_size: JavaInt = 100
    queue_bytes: Positive = 256 * 1024 * 1024
    request_timeout_s: Annotated[float, Field(gt=0)] = 60.0
    receive_timeout_s: Annotated[float, Field(gt=0)] = 30.0
    cors_origins: tuple[Origin, ...] = ()
    drain_s: Annotated[float, Field(ge=0)] = 30.0
    handler: dict[str, Any] = {}
    shadow_share: Share | None = None
    twins: bool = True
    log_dir: Path = Path("logs")
    token_auth: bool = False
    token_expiration_min: Annotated[float, Field(gt=0)] = 60.0
    allow_open: bool = False
    startup_timeout_s: Annotated[float, Field(gt=0)] = 300.0

    @model_validator(mode="after")
    def _ports_differ(self) -> Self:
        ports = [port for _, port, _ in self.listeners()]
        if len(set(ports)) < len(ports):
            raise ValueError(f"the four ports must differ, not {', '.join(map(str, ports))}")
        return self

    @model_validator(mode="after")
    def _open_only_on_purpose(self) -> Self:
        for host, port, option in self.listeners():
            if self.allow_open or is_loopback(host):
                continue
            if option in _NO_KEYS:
                raise ValueError(
                    f"the metrics on {host}:{port} can be reached from other machines, and nobody is asked for a key "
                    "there; allow it (--allow-open) behind a proxy that checks who asks"
                )
            if not self.token_auth:
                raise ValueError(
                    f"{host}:{port} can be reached from other machines; use token authorization (--token-auth), "
                    "or allow it without (--allow-open) behind a proxy that checks who asks"
                )
        return self

    def listeners(self) -> list[tuple[str, int, str]]:
        """Host, port and port option of each address, inference first."""
        return [
            (self.host, self.inference_port, "--inference-port"),
            (self.management_host, self.management_port, "--management-port"),
            (self.metrics_host, self.metrics_port, "--metrics-port"),
            (self.metrics_host, self.frontend_metrics_port, "--frontend-metrics-port"),
        ]

    def handler_changes(self) -> dict[str, Any]:
        """What this start changes in the archives' `handler` sections."""
        shadow: dict[str, Any] = {} if self.shadow_share is None else {"share": self.shadow_share}
        if not self.twins:
            shadow["twin"] = None
        return deep_merge(self.handler, {"shadow": shadow}) if shadow else self.handler


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the address; a name other than localhost is taken as open."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def load_config(file: Path | None, options: dict[str, Any]) -> ServeConfig:
    """The configuration of one start.

    Args:
        file: YAML with fields of `ServeConfig`, or None.
        options: fields given on the command line; they override the file's.

    Raises:
        ConfigError: see `read_settings`.
    """
    return read_settings(ServeConfig, options, file)
