"""The service on the nodes, deployed as a file for `serve deploy` would."""

import time
from collections.abc import Callable
from typing import Any

import ray
from ray.serve.context import _get_global_client
from ray.serve.schema import ServeDeploySchema

from groupnl.cluster.collector import NAME, NAMESPACE
from groupnl.cluster.config import APPLICATION, DEPLOYMENT, ClusterConfig
from groupnl.cluster.running import start_proxies
from groupnl.errors import ServerError
from groupnl_studies.cluster.pages import Counted, Pages
from groupnl_studies.harness.ports import HOST

LIMIT_S = 300.0
_BUILD = "groupnl.cluster.application:build"


class Deployed:
    """A service, of which each deployment makes what its settings say.

    Args:
        settings: those of `ClusterConfig`.
        pages: what it counts.
    """

    def __init__(self, settings: dict[str, Any], pages: Pages) -> None:
        self._settings = settings
        self._pages = pages
        start_proxies(ClusterConfig.model_validate(settings))

    def deploy(self, changes: dict[str, Any] | None = None, **deployment: Any) -> None:
        """Deploy it.

        Args:
            changes: settings that are others from now on.
            deployment: such as user_config.
        """
        self._settings |= changes or {}
        application = {
            "name": APPLICATION,
            "route_prefix": "/",
            "import_path": _BUILD,
            "args": self._settings,
            "deployments": [{"name": DEPLOYMENT, **deployment}] if deployment else [],
        }
        http = {"host": HOST, "port": self._settings["inference_port"]}
        schema = ServeDeploySchema.model_validate({"http_options": http, "applications": [application]})
        _get_global_client().deploy_apps(schema)

    def running(self) -> dict[str, int]:
        """The replicas that run: name -> process.

        Raises:
            ServerError: the deployment has failed.
        """
        application = self._application()
        deployment = application.get("deployments", {}).get(DEPLOYMENT)
        if application.get("status") == "DEPLOY_FAILED":
            raise ServerError(f"the service did not start: {(deployment or application)['message']}")
        replicas = [] if deployment is None else deployment["replicas"]
        return {replica["replica_id"]: replica["pid"] for replica in replicas if replica["state"] == "RUNNING"}

    def is_as_deployed(self) -> bool:
        """Whether all replicas are what was deployed last."""
        return bool(self._application()["status"] == "RUNNING")

    def _application(self) -> dict[str, Any]:
        found: dict[str, Any] = _get_global_client().get_serve_details()["applications"].get(APPLICATION, {})
        return found

    def settle(self, is_enough: Callable[[], bool]) -> None:
        """Wait until the totals have everything that the replicas have counted until now.

        A replica hands over what it has counted at a moment before; so the first time may be too early, and the second
        is not.

        Args:
            is_enough: ends the wait earlier, where it is known what is waited for.
        """
        running, before = self.running(), _hand_overs()

        def have_all() -> bool:
            now = _hand_overs()
            return all(now.get(replica, 0) >= before.get(replica, 0) + 2 for replica in running)

        until(lambda: is_enough() or have_all(), "all replicas have handed over what they have counted")

    def each(self) -> dict[str, Counted]:
        """What each of the replicas that run shows at its own address."""
        return self._pages.of_replicas(self.running())


def _hand_overs() -> dict[str, int]:
    times: dict[str, int] = ray.get(ray.get_actor(NAME, NAMESPACE).times.remote())
    return times


def until(is_so: Callable[[], bool], what: str) -> None:
    """Wait for it.

    Raises:
        ServerError: it does not happen.
    """
    deadline = time.monotonic() + LIMIT_S
    while not is_so():
        if time.monotonic() > deadline:
            raise ServerError(f"after {LIMIT_S:g} s it is not so that {what}")
        time.sleep(0.3)
