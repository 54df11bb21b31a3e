"""The application on a cluster, for the length of a block."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

import ray
from ray import serve

from groupnl.base.environment import prepare_ray
from groupnl.base.ray_nodes import has_room
from groupnl.base.say import Say
from groupnl.cluster.application import PROXY_ENVIRONMENT, build
from groupnl.cluster.collector import NAME, NAMESPACE, collector
from groupnl.cluster.config import APPLICATION, ClusterConfig
from groupnl.cluster.memories import forget
from groupnl.errors import ConfigError, ServerError

LOCAL = "local"  # Ray's word for a cluster of this process; with no address it joins any that it finds
_LATE_S = 10.0  # for a word of the collector's
_PROXIES_S = 240.0  # for proxies that a very busy machine does not start in the minute that Ray waits
_STRANGER = "InvalidAuthToken"  # Ray's word
_INTRODUCE = (
    "asks for a token, and this command shows none, or another. Ray shows one at an address only where "
    "RAY_AUTH_MODE=token says so: set that, and let RAY_AUTH_TOKEN, a file that RAY_AUTH_TOKEN_PATH names or "
    "~/.ray/auth_token have the cluster's"
)
SLACK_S = 10.0  # after which a proxy gives up a request whose replica should have answered 504


@contextmanager
def running(config: ClusterConfig, address: str | None, say: Say) -> Iterator[tuple[str, int]]:
    """Deploy the application; at the end of the block its replicas have answered what was asked, and are gone.

    On a cluster that ran before, only the application goes, and only if nobody has deployed it since; what others
    serve there, the proxies and the counts stay. What answered before a deployment that failed goes on.

    Args:
        config: of the service.
        address: of the Ray cluster; None: one is started on this machine, and ends with the block.
        say: prints a line for the operator.

    Yields:
        Host and port of the metrics.

    Raises:
        ConfigError: a replica needs more than this machine has.
        ServerError: the cluster cannot be reached, or the service does not start there.
    """
    connect(address)
    mine: _Deployed | None = None
    try:
        say(f"starting {', '.join(config.served())} on {len(ray.nodes())} node(s): {config.replicas} replica(s)")
        if too_large := _too_large(config):
            if address is None:
                raise ConfigError(f"{too_large}; lower --cpus or --gpus")
            say(f"{too_large}; the service waits until one joins")  # as an autoscaler may bring it
        metrics = deploy(config)
        mine = _deployed()._replace(by=_job())
        yield metrics
    finally:
        if address is None:
            _end_everything()
        elif mine is not None and mine == _deployed():
            serve.delete(APPLICATION)
        else:
            say("what the cluster serves stays: it was deployed by another command, or not at all by this one")
        ray.shutdown()


class _Deployed(NamedTuple):
    """The last deployment of the application.

    Attributes:
        by: Ray's name of the command; None: nobody knows.
        when: Ray Serve was told by a file, or began; None: there is no application.
    """

    by: str | None
    when: float | None


def _too_large(config: ClusterConfig) -> str:
    """What no node has that a replica needs; empty where one has it all."""
    if has_room(ray.nodes(), {"CPU": config.cpus, "GPU": config.gpus}):
        return ""
    return f"no node has {config.cpus:g} CPU and {config.gpus:g} GPU, which a replica needs"


def _end_everything() -> None:
    session = ray.get_runtime_context().get_session_name()
    serve.shutdown()
    forget(session)
    with suppress(ValueError):
        ray.kill(ray.get_actor(NAME, NAMESPACE))


def _job() -> str:
    return str(ray.get_runtime_context().get_job_id())


def _deployed() -> _Deployed:
    application = serve.status().applications.get(APPLICATION)
    when = None if application is None else application.last_deployed_time_s
    try:
        by = ray.get(ray.get_actor(NAME, NAMESPACE).deployer.remote(), timeout=_LATE_S)
    except (ValueError, ray.exceptions.RayError):  # the collector is gone, and with it who deployed last
        by = None
    return _Deployed(by, when)


def connect(address: str | None) -> None:
    """Connect to a Ray cluster, or start one on this machine.

    Args:
        address: of the cluster; None: one is started, whatever runs here or `RAY_ADDRESS` says.

    Raises:
        ServerError: it cannot be reached, or the address is none.
    """
    prepare_ray()
    alone = {"include_dashboard": False, "_node_ip_address": "127.0.0.1"} if address is None else {}
    try:
        ray.init(
            LOCAL if address is None else address,
            namespace=NAMESPACE,
            log_to_driver=False,
            runtime_env={"env_vars": PROXY_ENVIRONMENT},
            **alone,
        )
    except (ConnectionError, ValueError, ray.exceptions.AuthenticationError) as error:
        if address is None:
            raise ServerError(f"Ray does not start on this machine ({error})") from None
        if isinstance(error, ray.exceptions.AuthenticationError) or _STRANGER in f"{error.__cause__}":
            raise ServerError(f"the Ray cluster at {address} {_INTRODUCE}") from None
        raise ServerError(f"there is no Ray cluster at {address} ({error}); give --address, or leave it out") from None


def start_proxies(config: ClusterConfig) -> None:
    """Start what speaks HTTP on every node, where it does not run yet.

    Raises:
        ServerError: it does not start within minutes.
    """
    http_options = {
        "host": config.host,
        "port": config.inference_port,
        "request_timeout_s": config.request_timeout_s + SLACK_S,
        "ssl_certfile": None if config.tls_cert is None else str(config.tls_cert),
        "ssl_keyfile": None if config.tls_key is None else str(config.tls_key),
    }
    try:
        serve.start(
            proxy_location="EveryNode",
            http_options=http_options,
            controller_options={"runtime_env": {"env_vars": PROXY_ENVIRONMENT}},
        )
    except TimeoutError:  # after a minute; Ray goes on
        deadline = time.monotonic() + _PROXIES_S
        while not _proxies_are_healthy():
            if time.monotonic() > deadline:
                raise _no_proxies(config, f"not in {_PROXIES_S:g} s") from None
            time.sleep(0.5)
    except ray.exceptions.ActorDiedError as error:
        raise _no_proxies(config, error) from None


def _no_proxies(config: ClusterConfig, why: object) -> ServerError:
    return ServerError(
        f"Ray's proxies do not start on port {config.inference_port}: is the machine very busy? Try again ({why})"
    )


def _proxies_are_healthy() -> bool:
    proxies = serve.status().proxies
    return bool(proxies) and all(status == "HEALTHY" for status in proxies.values())


def deploy(config: ClusterConfig) -> tuple[str, int]:
    """Start the application, or bring the one that runs to this configuration, replica by replica.

    Returns:
        Host and port of the metrics: those of the first start on this cluster.

    Raises:
        ServerError: it does not start.
    """
    start_proxies(config)
    try:
        totals = collector(config)
        metrics: tuple[str, int] = ray.get(totals.address.remote())  # what it cannot is told before models are loaded
        ray.get(totals.deployed.remote(_job()))  # from now on, so that who ends meanwhile takes nothing away
    except ray.exceptions.RayError as error:
        raise ServerError(f"the counts cannot be added up: {error}") from None
    try:
        serve.run(build(config), name=APPLICATION, route_prefix="/")
    except RuntimeError as error:
        raise ServerError(f"the service did not start: {error}\n{_why()}") from None
    return metrics


def _why() -> str:
    """What Ray Serve says of the deployments that did not start."""
    application = serve.status().applications.get(APPLICATION)
    return "\n".join(deployment.message for deployment in application.deployments.values()) if application else ""
