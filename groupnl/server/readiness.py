"""Between the start and the first request: wait until every model has answered a prediction, or say why not."""

import http.client
import json
import time
from concurrent.futures import Future, ThreadPoolExecutor
from http import HTTPStatus
from typing import Any, NamedTuple, Protocol

from groupnl.base.say import Say
from groupnl.errors import ServerError
from groupnl.server.certificate import trusting
from groupnl.server.config import ServeConfig
from groupnl.server.grey_image import REFUSALS, grey_image
from groupnl.server.stop import Stop, Wait
from groupnl.service.items import KEY_HEADER, OWN_KEY

POLL_S = 0.1
PROGRESS_S = 5.0  # between two lines that say what is waited for


class StartedServer(Protocol):
    """What is asked of a server, whichever it is, while its models load."""

    def check_alive(self) -> None:
        """Raise ServerError when it has ended by itself."""

    def check_workers(self, wait: Wait) -> None:
        """Raise ServerError when a worker has ended before its model was loaded."""

    def is_loading(self, model: str) -> bool:
        """Whether it is known that no worker of the model can answer yet: a question would only be refused."""

    def progress(self, model: str) -> str:
        """What its workers have done until they were ready, or do at the moment; empty where nobody knows."""

    def tail(self) -> str:
        """The last lines of its log."""


class RunningServer(StartedServer, Protocol):
    """What `groupnl serve` asks of a server beside that."""

    def key(self, stop: Stop) -> str | None:
        """The key for predictions; None without keys, or when the operator stops."""

    def announce_keys(self) -> None:
        """Say where the keys are; nothing without keys."""

    def give_notice(self, stop: Stop) -> None:
        """Go on for a while, before it is stopped, until the operator asks again."""


class ProbeAnswer(NamedTuple):
    """What one probe was answered.

    Attributes:
        status: of the HTTP answer.
        code: the handler's code of an error; None where the handler did not answer, or answered with classes.
    """

    status: int
    code: str | None


class Probe:
    """Asks one server for predictions of a small grey image.

    Args:
        config: the server's addresses.
        key: key for the inference port, None without token authorization.
    """

    def __init__(self, config: ServeConfig, key: str | None) -> None:
        # 0.0.0.0 is every address of this machine, loopback among them.
        host = "127.0.0.1" if config.host == "0.0.0.0" else config.host  # noqa: S104
        self._address = (host, config.inference_port)
        self._headers = {KEY_HEADER: OWN_KEY} | ({"Authorization": f"Bearer {key}"} if key else {})
        if config.allowed_hosts:
            self._headers["Host"] = config.allowed_hosts[0]
        self._timeout_s = config.startup_timeout_s
        self._tls = trusting(config.tls_cert) if config.tls_cert else None
        self._image = grey_image()

    def __call__(self, model: str) -> ProbeAnswer:
        """The answer to one prediction; waits for the model's worker. Raises OSError while no one listens."""
        connection = self._connection()
        try:
            connection.request("POST", f"/predictions/{model}", self._image, self._headers)
            response = connection.getresponse()
            return ProbeAnswer(response.status, _code(response.read()))
        except http.client.HTTPException as error:
            raise ConnectionError(str(error)) from error
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        if self._tls is None:
            return http.client.HTTPConnection(*self._address, timeout=self._timeout_s)
        return http.client.HTTPSConnection(*self._address, timeout=self._timeout_s, context=self._tls)


def wait_until_ready(
    server: StartedServer, models: list[str], probe: Probe, config: ServeConfig, wait: Wait, say: Say
) -> bool:
    """Wait until each model has answered a prediction: with 200, or with a refusal by its own limits.

    Args:
        server: started already.
        models: their names.
        probe: asks for a prediction.
        config: for the time limit.
        wait: waits so many seconds; True when the operator wants to stop.
        say: prints a line of progress.

    Returns:
        True when all have answered, False when the operator stopped the waiting.

    Raises:
        ServerError: a model cannot be loaded, the server ended, or the time is over.
    """
    started = said = time.monotonic()
    # Threads that still wait for an answer are freed when the server is stopped.
    pool = ThreadPoolExecutor(len(models))
    waiting: dict[str, Future[ProbeAnswer] | None] = dict.fromkeys(models)
    while waiting:
        if wait(POLL_S):
            return False
        server.check_alive()
        server.check_workers(wait)
        if time.monotonic() - started > config.startup_timeout_s:
            raise ServerError(_too_late(list(waiting), config.startup_timeout_s, server))
        for model in _answered(server, waiting, pool, probe):
            del waiting[model]
            say(f"{model} answers after {time.monotonic() - started:.1f} s{_progress(server, model)}")
        if waiting and time.monotonic() - said > PROGRESS_S:
            said = time.monotonic()
            names = ", ".join(model + _progress(server, model) for model in waiting)
            say(f"waiting for {names}: {said - started:.0f} s")
    pool.shutdown()
    return True


def _progress(server: StartedServer, model: str) -> str:
    progress = server.progress(model)
    return progress and f" ({progress})"


def _answered(
    server: StartedServer, waiting: dict[str, Future[ProbeAnswer] | None], pool: ThreadPoolExecutor, probe: Probe
) -> list[str]:
    """The models whose handler answered the last probe; where another did, or nobody, it is sent again."""
    answered = []
    for model, future in waiting.items():
        if future is None:
            if not server.is_loading(model):
                waiting[model] = pool.submit(probe, model)
        elif future.done():
            waiting[model] = None
            if future.exception() is None and _accepted(model, future.result()):
                answered.append(model)
    return answered


def _accepted(model: str, answer: ProbeAnswer) -> bool:
    if answer.status in REFUSALS and answer.code is not None:
        return True
    if 400 <= answer.status < 500:
        raise ServerError(f"the model {model} answered a small PNG with {answer.status} instead of 200")
    return answer.status == HTTPStatus.OK


def _code(body: bytes) -> str | None:
    """The code of the handler's errors, which is text; TorchServe's own errors have a number there."""
    try:
        content: Any = json.loads(body)
    except ValueError:
        return None
    code = content.get("code") if isinstance(content, dict) else None
    return code if isinstance(code, str) else None


def _too_late(models: list[str], limit_s: float, server: StartedServer) -> str:
    names = ", ".join(models)
    return f"no answer from {names} within {limit_s:g} s (--startup-timeout). The last lines:\n{server.tail()}"
