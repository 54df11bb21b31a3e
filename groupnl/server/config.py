"""Configuration of the service: defaults, then the YAML file (`--config`), then the options of `groupnl serve`.

Read once, before anything is started. Every port, host and limit of the running service comes from here.
"""

import ipaddress
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from groupnl.archive.model_config import JavaInt, UpToMost
from groupnl.base import environment
from groupnl.base.mapping import deep_merge
from groupnl.base.numbers import Count, Positive, Share
from groupnl.base.options import option_name, read_settings
from groupnl.base.texts import form
from groupnl.metrics import Detail
from groupnl.server.named_archives import Candidates, Models
from groupnl.server.web.proxies import Header, Network

Port = Annotated[int, Field(ge=1, le=65535)]
Host = Annotated[str, form(r"[A-Za-z0-9]([A-Za-z0-9.\-]*[A-Za-z0-9])?", "an IPv4 address or the name of a host")]
Origin = Annotated[str, form(r"\*|[a-z][a-z0-9+.\-]*://[^/\s,;*]+", "a site, such as https://example.org, or *")]
Name = Annotated[str, form(r"[A-Za-z0-9.\-]+(:[0-9]{1,5})?", "a host's name or IPv4 address, with or without :PORT")]
_NO_KEYS = ("--metrics-port", "--frontend-metrics-port")
_TORCHSERVE_MANAGEMENT = 8081
_OURS = ("keys", "tls_cert", "tls_key", "allowed_hosts", "grpc_port", "cors_origin", "trusted_proxies")


class ServeConfig(BaseModel):
    """What is served, where, and how.

    Attributes:
        server: who serves: our own server, or TorchServe.
        models: ``NAME`` (NAME.mar in the model store), ``NAME=PATH.mar`` or ``NAME=URL#sha256=HEX``, which is fetched;
            empty: every archive in the model store.
        model_store: folder of the archives.
        host: address of the inference port; an IPv4 address or a host name.
        management_host: address of the management port.
        metrics_host: address of both metrics ports.
        inference_port: predictions.
        management_port: of the management API. TorchServe's can describe and scale models, but load none; None: 8081.
            Our own server opens it where a key has the scope manage; None: it does not.
        management_socket: file of our own server's management API; None: by the inference port, in the user's folder
            for such files.
        metrics_port: what the workers count, in Prometheus format; see `groupnl.metrics`.
        metrics_detail: how much of that is shown there; see `groupnl.server.observed.detail`.
        frontend_metrics_port: TorchServe's own metrics, in Prometheus format.
        grpc_port: the Open Inference Protocol over gRPC, at the host of predictions; None: not. Not with TorchServe.
        workers: worker processes per model; None: as the archive says.
        batch_size: most requests in one batch; None: as the archive says.
        max_batch_delay_ms: how long the first request of a batch may wait for others; None: as the archive says.
        response_timeout_s: a worker that takes longer for a batch is ended and restarted; None: as the archive says.
        queue_size: waiting requests per model; further ones are answered 503.
        queue_bytes: waiting bytes of images per model; further requests are answered 503. Not with TorchServe.
        request_timeout_s: a request without an answer after so long is answered 504. Not with TorchServe.
        receive_timeout_s: a request whose body is not here after so long is answered 408. Not with TorchServe.
        cors_origin: sites whose pages may ask from a browser, such as ``https://example.org``; ``*``: all. Not with
            TorchServe.
        playground: a page at `/` to try the models with, and the addresses that corrupt images for it. Not with
            TorchServe.
        notice_s: how long a service that was told to stop still takes connections, while it says so at ``/ready``:
            until balancers have noticed. Not with TorchServe.
        drain_s: how long it may then take for the requests in hand. Not with TorchServe.
        trusted_proxies: whose word about the client's address counts: addresses and networks. Not with TorchServe.
        client_header: in which they tell it; the other one is not read.
        handler: replaces single keys of the archives' `handler` section (device, precision, limits, shadow).
        shadow_share: share of the live images that are answered again, corrupted; None: as the archives say.
        twins: compare models with the twins that their archives name.
        candidates: ``MODEL=FILE.mar`` or ``MODEL=URL#sha256=HEX``: an archive that answers a served model's shadow
            requests too, so that it can be compared before it takes the model's place; called as the file, without its
            ending.
        log_dir: folder of the log files.
        state_dir: folder in which the workers' counts are kept from one start to the next, of this service alone;
            None: each start begins at 0.
        keep_examples: so many flips of each model are kept as pictures, the newest; 0: no pixel is stored, and what
            earlier starts have left in the folder is removed.
        examples_dir: folder of these pictures; nobody else may enter it.
        allowed_hosts: names under which clients may ask, such as ``images.example.org``; empty: any. Not with
            TorchServe.
        keys: file of the clients' keys, see `groupnl keys new`; clients must send one. The environment may have more
            keys. Not with TorchServe.
        tls_cert: file of the certificate, and of those between it and its root (PEM): the inference port speaks TLS.
            Not with TorchServe.
        tls_key: file of the certificate's key (PEM).
        token_auth: clients must send a key (TorchServe's token authorization) to the inference and management ports.
            There are no keys for the metrics ports.
        token_expiration_min: lifetime of such a key, minutes; then it must be renewed.
        allow_open: allow addresses other than loopback without keys.
        startup_timeout_s: how long the models may take until each has answered a prediction.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    server: Literal["groupnl", "torchserve"] = "groupnl"
    models: Models = ()
    model_store: Path = Path("model_store")
    host: Host = "127.0.0.1"
    management_host: Host = "127.0.0.1"
    metrics_host: Host = "127.0.0.1"
    inference_port: Port = 8080
    management_port: Port | None = None
    management_socket: Path | None = None
    metrics_port: Port = 8083
    metrics_detail: Detail = "cells"
    frontend_metrics_port: Port = 8082
    grpc_port: Port | None = None
    workers: UpToMost | None = None
    batch_size: UpToMost | None = None
    max_batch_delay_ms: JavaInt | None = None
    response_timeout_s: JavaInt | None = None
    queue_size: JavaInt = 100
    queue_bytes: Positive = 256 * 1024 * 1024
    request_timeout_s: Annotated[float, Field(gt=0)] = 60.0
    receive_timeout_s: Annotated[float, Field(gt=0)] = 30.0
    cors_origin: tuple[Origin, ...] = ()
    playground: bool = True
    notice_s: Annotated[float, Field(ge=0, le=600)] = 1.0
    drain_s: Annotated[float, Field(ge=0)] = 30.0
    trusted_proxies: tuple[Network, ...] = ()
    client_header: Header = "X-Forwarded-For"
    handler: dict[str, Any] = {}
    shadow_share: Share | None = None
    twins: bool = True
    candidates: Candidates = ()
    log_dir: Path = Path("logs")
    state_dir: Path | None = None
    keep_examples: Count = 0
    examples_dir: Path = Path("kept_examples")
    allowed_hosts: tuple[Name, ...] = ()
    keys: Path | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None
    token_auth: bool = False
    token_expiration_min: Annotated[float, Field(gt=0)] = 60.0
    allow_open: bool = False
    startup_timeout_s: Annotated[float, Field(gt=0)] = 300.0

    @model_validator(mode="after")
    def _ports_differ(self) -> Self:
        ports = [port for _, port, _ in self.listeners()]
        if len(set(ports)) < len(ports):
            raise ValueError(f"the ports must differ, not {', '.join(map(str, ports))}")
        return self

    @model_validator(mode="after")
    def _of_one_server(self) -> Self:
        if self.server == "groupnl":
            if self.token_auth:
                raise ValueError(
                    "--token-auth is TorchServe's; our own server takes a file of keys (--keys), which "
                    "`groupnl keys new` makes"
                )
            return self
        for field in _OURS:
            if getattr(self, field):
                raise ValueError(
                    f"{option_name(field)} is our own server's (--server groupnl); TorchServe cannot do that"
                )
        return self

    @model_validator(mode="after")
    def _both_files_of_tls(self) -> Self:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("--tls-cert and --tls-key go together: the certificate, and its key")
        return self

    @model_validator(mode="after")
    def _examples_come_of_shadows(self) -> Self:
        shadow = self.handler_changes().get("shadow")
        if self.keep_examples and isinstance(shadow, Mapping) and shadow.get("share") == 0:
            raise ValueError(
                f"--keep-examples {self.keep_examples} would keep nothing, because the shadow share is 0: no image is "
                "answered again; raise the share (--shadow-share), or leave --keep-examples out"
            )
        return self

    @model_validator(mode="after")
    def _open_only_on_purpose(self) -> Self:
        for host, port, option in self.listeners():
            if self.allow_open or is_loopback(host):
                continue
            if self.server == "groupnl":
                self._check_open(host, port, option)
            elif option in _NO_KEYS:
                raise ValueError(
                    f"the metrics on {host}:{port} can be reached from other machines, and nobody is asked for a key "
                    "there; allow it (--allow-open) behind a proxy that checks who asks"
                )
            elif not self.token_auth:
                raise ValueError(
                    f"{host}:{port} can be reached from other machines; use token authorization (--token-auth), "
                    "or allow it without (--allow-open) behind a proxy that checks who asks"
                )
        return self

    def listeners(self) -> list[tuple[str, int, str]]:
        """Host, port and port option of each address, inference first."""
        management = self.management_host, self.torchserve_management_port, "--management-port"
        frontend = self.metrics_host, self.frontend_metrics_port, "--frontend-metrics-port"
        grpc = [] if self.grpc_port is None else [(self.host, self.grpc_port, "--grpc-port")]
        is_torchserve = self.server == "torchserve"
        return [
            (self.host, self.inference_port, "--inference-port"),
            *([management] if is_torchserve or self.management_port else []),
            (self.metrics_host, self.metrics_port, "--metrics-port"),
            *([frontend] if is_torchserve else []),
            *grpc,
        ]

    @property
    def torchserve_management_port(self) -> int:
        """TorchServe has a management port in any case."""
        return self.management_port or _TORCHSERVE_MANAGEMENT

    @property
    def has_keys(self) -> bool:
        """Whether our own server's clients must send a key."""
        return self.keys is not None or environment.given_keys() is not None

    def _check_open(self, host: str, port: int, option: str) -> None:
        """Refuse an address of our own server that others can reach, where nobody is asked for a key."""
        if option == "--management-port":
            raise ValueError(f"management on {host}:{port} can be reached from other machines; leave it on loopback")
        if not self.has_keys:
            raise ValueError(
                f"{host}:{port} can be reached from other machines; ask for keys (--keys), or allow it without "
                "(--allow-open) behind a proxy that checks who asks"
            )

    def handler_changes(self) -> dict[str, Any]:
        """What this start changes in the archives' `handler` sections."""
        shadow: dict[str, Any] = {} if self.shadow_share is None else {"share": self.shadow_share}
        if not self.twins:
            shadow["twin"] = None
        return deep_merge(self.handler, {"shadow": shadow}) if shadow else self.handler

    def candidate_of(self, model: str) -> Path | None:
        """The archive of a model's candidate; None without one."""
        files = {name: Path(file) for name, _, file in (item.partition("=") for item in self.candidates)}
        return files.get(model)


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
