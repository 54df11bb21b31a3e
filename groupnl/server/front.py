"""One run of our own server: sockets in an event loop of a thread of its own, before what answers."""

import asyncio
import logging
import signal
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from groupnl.base.say import Say
from groupnl.base.signals import handling, has_terminal
from groupnl.errors import GroupNLError, ServerError
from groupnl.server.assembly import assembled
from groupnl.server.backend import Backend
from groupnl.server.config import ServeConfig
from groupnl.server.keys.key import MANAGE
from groupnl.server.management_socket import listen, management_socket
from groupnl.server.rpc.served import Served
from groupnl.server.rpc.server import EndCalls, rpc_server
from groupnl.server.stop import Stop, Wait
from groupnl.server.store import ServedModel
from groupnl.server.web.app import App
from groupnl.server.web.door import Door
from groupnl.server.web.http_server import HttpServer
from groupnl.server.web.routes import management_routes
from groupnl.server.web.state import State

logger = logging.getLogger(__name__)
BACKLOG = 2048  # connections that the system keeps until they are accepted
TAIL_LINES = 30


class Front:
    """Our own server, as `groupnl serve` sees it.

    Args:
        config: of this start.
        backend: answers.
        log: where the server's log is written.
    """

    def __init__(self, config: ServeConfig, backend: Backend, log: Path) -> None:
        self._config = config
        self._backend = backend
        self._log = log
        self._failure: BaseException | None = None
        self._is_listening = threading.Event()
        self._loop: asyncio.AbstractEventLoop
        self._stopped: asyncio.Event
        self._thread = threading.Thread(target=self._run, name="front", daemon=True)

    def start(self) -> None:
        """Listen; the models are loaded after it returns."""
        self._thread.start()
        self._is_listening.wait()

    def check_alive(self) -> None:
        """Raise ServerError when it has ended by itself."""
        if self._failure is not None:
            if isinstance(self._failure, GroupNLError):
                raise ServerError(str(self._failure))
            raise ServerError(f"the server ended by itself: {self._failure!r}") from self._failure

    def check_workers(self, wait: Wait) -> None:
        """Nothing: a worker that ends before its model was loaded ends the server."""

    def is_loading(self, model: str) -> bool:
        """Whether no worker of the model is ready."""
        return not self._backend.models.find(model).pool.ready

    def progress(self, model: str) -> str:
        """What its workers have done until they were ready, or do at the moment."""
        return self._backend.models.find(model).pool.progress

    def tail(self) -> str:
        """The last lines of its log."""
        text = self._log.read_text(encoding="utf-8", errors="replace") if self._log.exists() else ""
        return "\n".join(f"  {line}" for line in text.splitlines()[-TAIL_LINES:])

    def key(self, stop: Stop) -> str | None:
        """The key for predictions, which nobody else knows."""
        keys = self._backend.access.keys
        return keys.own_secret if keys else None

    def announce_keys(self) -> None:
        """Say where the keys are."""

    def reload_changed(self) -> None:
        """Read keys and certificate again, exchange the models whose archives have changed; returns at once."""
        self._loop.call_soon_threadsafe(self._backend.access.rereading.now)
        self._loop.call_soon_threadsafe(self._backend.reloads.start)

    def give_notice(self, stop: Stop) -> None:
        """Go on, while balancers learn that it ends; whoever is answered from now on is told to go."""
        self._backend.state.is_stopping = True
        stop.wait_for_another(self._config.notice_s)

    def stop(self) -> None:
        """Answer what was asked, then end every worker."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopped.set)
            self._thread.join()

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=_new_loop) as runner:
                runner.run(self._serve())
        except GroupNLError as error:  # `groupnl serve` ends with its sentence
            logger.info("the server has ended: %s", error)
            self._failure = error
        except BaseException as error:
            logger.exception("the server has ended")
            self._failure = error
        finally:
            self._is_listening.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopped = asyncio.Event()
        config, backend = self._config, self._backend
        certificate = backend.access.certificate
        path = management_socket(config.inference_port, config.management_socket)
        served = Served(
            backend.models, backend.limits, backend.state, backend.watch, backend.access.public, backend.proxies
        )
        grpc = rpc_server((config.host, config.grpc_port), certificate, served)
        address = config.host, config.inference_port
        with socket.create_server(address, backlog=BACKLOG) as listener, ExitStack() as private:
            http = HttpServer(backend.app, listener, certificate.context if certificate else None)
            backend.connections = lambda: http.connections
            servers = http, *self._management(path, private)
            serving = [asyncio.create_task(server.serve()) for server in servers]
            self._is_listening.set()
            try:
                async with grpc as end_calls:
                    await self._until_stopped(serving)
                    await self._drain(http, end_calls)
            finally:
                backend.state.is_stopping = True
                for server in servers:
                    server.end()
                await asyncio.gather(*serving, return_exceptions=True)
                await backend.close()
                path.unlink(missing_ok=True)

    def _management(self, path: Path, sockets: ExitStack) -> Iterator[HttpServer]:
        """Servers of the management API: on its socket, and on a port where keys guard it."""
        access, watch = self._backend.access, self._backend.watch
        routes = management_routes(self._backend.models, self._backend.reloads, access.rereading)
        # A socket that only its owner can open needs no key.
        yield HttpServer(App(routes, State(), watch, Door(MANAGE)), sockets.enter_context(listen(path)))
        if access.management is not None and self._config.management_port is not None:
            address = self._config.management_host, self._config.management_port
            app = App(routes, State(), watch, access.management)
            yield HttpServer(app, sockets.enter_context(socket.create_server(address)))

    async def _until_stopped(self, serving: Sequence["asyncio.Task[None]"]) -> None:
        """Load the models, and stay until the operator, or a fault, ends it."""
        stopped = asyncio.create_task(self._stopped.wait())
        loading = asyncio.create_task(self._backend.start())
        try:
            await asyncio.wait({*serving, stopped, loading}, return_when=asyncio.FIRST_COMPLETED)
            if loading.done():
                loading.result()
                await asyncio.wait({*serving, stopped}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            loading.cancel()
            stopped.cancel()
            await asyncio.gather(loading, stopped, return_exceptions=True)

    async def _drain(self, http: HttpServer, end_calls: EndCalls) -> None:
        """Let nobody in any more, until nobody waits for an answer, or the time is over."""
        state, most_s = self._backend.state, self._config.drain_s
        state.is_stopping = True
        is_done, _ = await asyncio.gather(http.drain(lambda: state.in_hand, most_s), end_calls(most_s))
        if not is_done:
            logger.warning("%d requests were not answered within %g s", state.in_hand, most_s)


@contextmanager
def running(config: ServeConfig, models: list[ServedModel], say: Say, wait: Wait) -> Iterator[Front]:
    """Start our server with the models; at the end of the block all its processes are gone.

    A hang-up makes it look for archives that have changed, where it has no terminal that could be closed.

    Raises:
        ConfigError, ArchiveError, ServerError: it cannot be started so.
    """
    with assembled(config, models, say, wait) as parts:
        front = Front(config, parts.backend, parts.log)
        signals = () if has_terminal() else (signal.SIGHUP,)
        try:
            front.start()
            with handling(signals, lambda *_: front.reload_changed()):
                yield front
        finally:
            front.stop()


def _new_loop() -> asyncio.AbstractEventLoop:
    """The loop of uvloop where there is one: it takes half of the time of Python's own."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()
