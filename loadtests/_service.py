"""The service beside the load: answers to lone requests, and its workers. Nothing of this enters Locust's figures."""

from http import HTTPStatus
from typing import Any

from locust.contrib.fasthttp import FastHttpSession
from locust.event import EventHook

from loadtests._answers import Probabilities, read_prediction
from loadtests._images import Image
from loadtests._settings import MANAGEMENT_PORT, NO_MANAGEMENT, LoadTestError, Settings
from loadtests._workers import Worker, read_workers

TIMEOUT_S = 30.0
# Locust's client sends a PUT again, unseen, where the connection ends without an answer; of a POST one is told.
METHOD = "POST"


class Service:
    """Asks the service under test, one request at a time."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        # Locust's own annotations leave out what its client can do: bytes as a body, the error of a failed request.
        self._client: Any = FastHttpSession(
            settings.host, _unheard(), user=None, network_timeout=TIMEOUT_S, connection_timeout=TIMEOUT_S
        )

    def ask(self, model: str, image: Image) -> Probabilities:
        """The model's answer to an image when nothing else is asked.

        Raises:
            LoadTestError: there is none, or a wrong one.
        """
        headers = request_headers(self._settings, image)
        response = self._client.request(METHOD, f"/predictions/{model}", data=image.data, headers=headers)
        where = f"{self._settings.host}/predictions/{model}"
        if response.status_code == 0:
            raise LoadTestError(
                f"{where} does not answer ({response.error}): start the service, or give its address with --host."
            )
        if response.status_code != HTTPStatus.OK:
            told = (response.content or b"").decode("utf-8", "replace")[:300]
            raise LoadTestError(f"{where} answers {response.status_code} to {image.name}: {told}")
        try:
            return read_prediction(response.content)
        except ValueError as error:
            raise LoadTestError(f"{where}, {image.name}: {error}") from error

    def workers(self, models: tuple[str, ...]) -> tuple[Worker, ...]:
        """Every worker of the models.

        Raises:
            LoadTestError: the management API does not tell.
        """
        found: list[Worker] = []
        for model in models:
            url = f"{self._settings.management}/models/{model}"
            response = self._client.request("GET", url, headers=self._management_headers())
            if response.status_code != HTTPStatus.OK:
                found_out = f"answers {response.status_code}" if response.status_code else "does not answer"
                raise LoadTestError(
                    f"{url} {found_out}: give the management API's address with --management-url "
                    f"(TorchServe's usually has port {MANAGEMENT_PORT}), "
                    f"or --management-url {NO_MANAGEMENT} to do without a look at the workers."
                )
            try:
                found += read_workers(model, response.json())
            except ValueError as error:
                raise LoadTestError(f"{url}: {error}") from error
        return tuple(found)

    def _management_headers(self) -> dict[str, str]:
        """The key, for the service itself alone."""
        return _key(self._settings) if self._settings.management == self._settings.host else {}


def _unheard() -> Any:
    """An event that nobody listens to."""
    hook: Any = EventHook
    return hook()


def request_headers(settings: Settings, image: Image) -> dict[str, str]:
    """Headers of a request with this body."""
    return {"Content-Type": image.content_type} | _key(settings)


def _key(settings: Settings) -> dict[str, str]:
    return {"Authorization": f"Bearer {settings.token}"} if settings.token else {}
