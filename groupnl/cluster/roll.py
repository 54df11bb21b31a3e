"""`groupnl cluster roll`: restart services one after the other, each when the one before it answers again."""

import argparse
import functools
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from groupnl.base.options import Options as BaseOptions
from groupnl.base.say import Say
from groupnl.base.texts import counted, form
from groupnl.cluster.roll_haproxy import HAProxy
from groupnl.cluster.roll_service import NamedService, Restart, Service
from groupnl.errors import GroupNLError, ServerError

NAME = "{name}"
LOOK_S = 0.1  # between two looks at what is waited for; no service is back within it
PAUSE_S = 5.0  # in which a balancer that cannot be asked learns that a service is ready
Seconds = Annotated[float, Field(gt=0)]


class Options(BaseOptions):
    """What `groupnl cluster roll` restarts.

    Attributes:
        services: in the order in which they are restarted; those that are not ready come first.
        restart: command that restarts a service, in which `NAME` stands for its name.
        haproxy: runtime socket of the HAProxy before them; None: it is not asked.
        backend: HAProxy's, which has a server for each service.
        timeout_s: that each may take until it is ready again.
        pause_s: after each but the last; None: `PAUSE_S` where no HAProxy is asked.
        dry_run: only say what would be done.
    """

    services: Annotated[tuple[NamedService, ...], Field(min_length=1)]
    restart: str
    haproxy: Path | None
    backend: Annotated[str, form(r"[A-Za-z0-9_.:\-]+", "the name of a backend")]
    timeout_s: Seconds
    pause_s: Annotated[float, Field(ge=0)] | None
    dry_run: bool

    @model_validator(mode="after")
    def _named_once(self) -> Self:
        names = [service.name for service in self.services]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise ValueError(f"--services: the name {twice} stands twice; each service has a name of its own")
        return self

    @model_validator(mode="after")
    def _restarts_one(self) -> Self:
        if NAME not in self.restart:
            raise ValueError(f"--restart {self.restart!r} would be the same for every service: write {NAME} in it")
        try:
            program = self.command(self.services[0])[0]
        except ValueError as error:
            raise ValueError(f"--restart {self.restart!r}: {error}") from None
        if shutil.which(program) is None:
            raise ValueError(f"--restart {self.restart!r}: there is no program {program}")
        return self

    def command(self, service: Service) -> list[str]:
        """What restarts a service; no shell reads it, so that a name is a part of one word."""
        return [word.replace(NAME, service.name) for word in shlex.split(self.restart)]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `groupnl cluster roll`."""
    add = parser.add_argument
    add("--services", nargs="+", required=True, metavar="NAME=URL", help="such as one=http://127.0.0.1:8080")
    add("--restart", required=True, metavar="COMMAND", help="such as 'systemctl restart groupnl@{name}'")
    add("--haproxy", type=Path, metavar="SOCKET", help="HAProxy's runtime socket: it sends a service nothing meanwhile")
    add("--backend", default="services", metavar="NAME", help="of HAProxy, with a server for each (%(default)s)")
    add("--timeout-s", type=float, default=300.0, metavar="S", help="for each service to be ready again (300)")
    add("--pause-s", type=float, metavar="S", help="after each service (5; with --haproxy 0)")
    add("--dry-run", action="store_true", help="only say what would be done")


def run(options: Options) -> int:
    """Restart the services.

    Raises:
        ConfigError: HAProxy cannot be asked, or does not know them.
        ServerError: one was not ready in time; those after it were left alone.
    """
    haproxy = HAProxy(options.haproxy, options.backend) if options.haproxy else None
    if haproxy:
        haproxy.check(service.name for service in options.services)
    # Who does not answer loses nothing, and if it does not come back, the others have not been touched.
    services = sorted(options.services, key=lambda service: service.problem() is None)
    say = functools.partial(print, flush=True)
    if options.dry_run:
        _tell(options, services, say)
        return 0
    for number, service in enumerate(services):
        try:
            _pause(options, services[:number])
            _roll(options, service, haproxy, say)
        except GroupNLError as error:
            rest = services[number + 1 :]
            left = f"; left alone: {', '.join(other.name for other in rest)}" if rest else ""
            raise ServerError(f"{error} ({number} of {counted(len(services), 'service')} restarted{left})") from None
    say(f"{counted(len(services), 'service')} restarted")
    return 0


def _tell(options: Options, services: Sequence[Service], say: Say) -> None:
    for service in services:
        say(f"{service.name}: {service.problem() or 'ready'}; would run: {shlex.join(options.command(service))}")


def _pause(options: Options, before: Sequence[Service]) -> None:
    """Give balancers time after a restart, and look whether all that were restarted are still there."""
    usual = 0.0 if options.haproxy else PAUSE_S
    if before:
        time.sleep(usual if options.pause_s is None else options.pause_s)
    for service in before:
        if problem := service.problem():
            raise ServerError(f"{service.name} was ready after its restart, and is not any more: {problem}")


def _roll(options: Options, service: Service, haproxy: HAProxy | None, say: Say) -> None:
    """Restart one service and wait until it is ready, and the balancer sees that."""
    begin = time.monotonic()
    wait = functools.partial(_wait, service.name, begin + options.timeout_s)
    with _without_requests(service.name, haproxy, wait, say):
        restart = Restart(service)
        _run(options, service, begin + options.timeout_s, restart, say)
        wait(restart.problem)
    if haproxy:
        wait(lambda: None if haproxy.is_up(service.name) else "HAProxy has not seen yet that it is ready")
    say(f"{service.name}: ready after {time.monotonic() - begin:.1f} s")


@contextmanager
def _without_requests(
    name: str, haproxy: HAProxy | None, wait: Callable[[Callable[[], str | None]], None], say: Say
) -> Iterator[None]:
    """Within the block HAProxy sends the service nothing; after it, however that ends, what its checks allow."""
    if haproxy is None:
        yield
        return
    try:
        haproxy.drain(name)
        say(f"{name}: HAProxy sends it nothing new")
        wait(lambda: None if haproxy.is_idle(name) else "HAProxy still waits for answers of it")
        yield
    finally:
        haproxy.use(name)


def _wait(name: str, until: float, problem: Callable[[], str | None]) -> None:
    """Wait until there is no problem, or raise ServerError with the last one."""
    while found := problem():
        if time.monotonic() > until:
            raise ServerError(f"{name} is not ready in time: {found}; see its log, or allow more with --timeout-s")
        time.sleep(LOOK_S)


def _run(options: Options, service: Service, until: float, restart: Restart, say: Say) -> None:
    """Run the command, and look at the service meanwhile."""
    words = options.command(service)
    command = shlex.join(words)
    say(f"{service.name}: {command}")
    with subprocess.Popen(words, stdin=subprocess.DEVNULL) as process:  # noqa: S603 (the operator's own)
        try:
            while not _has_ended(process):
                if time.monotonic() > until:
                    raise ServerError(f"{service.name}: `{command}` has not ended within {options.timeout_s:g} s")
                restart.problem()
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        raise ServerError(f"{service.name}: `{command}` has ended with status {process.returncode}")


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    """Whether it has, or does within `LOOK_S`."""
    with suppress(subprocess.TimeoutExpired):
        process.wait(LOOK_S)
    return process.returncode is not None
