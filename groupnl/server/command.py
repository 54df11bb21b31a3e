"""`groupnl serve`: check, start a server, wait until the models answer, stay, stop everything."""

import argparse
import errno
import functools
import importlib
import shlex
import socket
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import get_args

from groupnl.base.options import SettingsOptions
from groupnl.base.say import Say
from groupnl.errors import ConfigError, ServerError
from groupnl.metrics import DETAILS
from groupnl.server.config import ServeConfig, load_config
from groupnl.server.readiness import Probe, RunningServer, wait_until_ready
from groupnl.server.stop import Wait, stop_signals
from groupnl.server.store import ServedModel, served_models
from groupnl.server.store_sources import with_fetched
from groupnl.server.web.proxies import Header

SAMPLE_IMAGE = Path("docs/sample.png")  # below the repository's root
_SAMPLES = {"effnet_lite0": Path("docs/coffee.jpg")}  # of a model that knows other things than icons
READY = "Ctrl-C stops"  # the last line before it serves


class Options(SettingsOptions):
    """How `groupnl serve` starts; the settings are those of `ServeConfig`.

    Attributes:
        config: YAML with the same settings and more; what is given beside it wins.
        check: start, wait until the models answer, stop.
    """

    config: Path | None
    check: bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `groupnl serve`; what is not given keeps the configuration file's value."""
    add = functools.partial(parser.add_argument, default=argparse.SUPPRESS)
    add("--server", choices=("groupnl", "torchserve"), help="our own, or TorchServe, which nobody maintains (groupnl)")
    add("--models", nargs="+", metavar="NAME[=FILE.mar]", help="or NAME=URL#sha256=HEX (every archive in the store)")
    add("--model-store", metavar="DIR", help="folder of the archives (model_store)")
    add("--host", help="address of the inference port (127.0.0.1)")
    add("--inference-port", type=int, metavar="PORT", help="predictions (8080)")
    add("--management-port", type=int, metavar="PORT", help="TorchServe's management API (8081); ours: for keys")
    add("--metrics-port", type=int, metavar="PORT", help="the workers' metrics (8083)")
    add("--metrics-detail", choices=DETAILS, help="how much of them is shown: docs/scale.md (cells: all)")
    add("--frontend-metrics-port", type=int, metavar="PORT", help="TorchServe's own metrics (8082)")
    add("--grpc-port", type=int, metavar="PORT", help="the Open Inference Protocol over gRPC (none)")
    add("--workers", type=int, metavar="N", help="worker processes per model (as the archive says)")
    add("--batch-size", type=int, metavar="N", help="most requests in a batch (as the archive says)")
    add("--max-batch-delay-ms", type=int, metavar="MS", help="longest wait for others (as the archive says)")
    add("--queue-size", type=int, metavar="N", help="waiting requests per model, then 503 (100)")
    add("--management-socket", metavar="FILE", help="of our own server's management API (by the inference port)")
    add("--cors-origin", nargs="+", metavar="SITE", help="whose pages may ask, or * (none)")
    add("--keys", metavar="FILE", help="clients must send one of these keys: groupnl keys new")
    add("--tls-cert", metavar="FILE", help="certificate (PEM); then predictions are asked over TLS")
    add("--tls-key", metavar="FILE", help="the certificate's key (PEM)")
    add("--allowed-hosts", nargs="+", metavar="NAME", help="names under which clients may ask (any)")
    add("--trusted-proxies", nargs="+", metavar="ADDRESS", help="or networks: who may say who the client is (none)")
    add("--client-header", choices=get_args(Header), help="in which they say it (X-Forwarded-For)")
    add("--no-playground", action="store_false", dest="playground", help="no page at / to try the models with")
    add("--notice-s", type=float, metavar="S", help="connections are still taken when it is stopped (1)")
    add("--drain-s", type=float, metavar="S", help="longest time for the requests in hand after that (30)")
    add("--request-timeout-s", type=float, metavar="S", help="a request without an answer then is answered 504 (60)")
    add("--shadow-share", type=float, metavar="S", help="of the images, answered again corrupted (as the archive says)")
    add("--no-twin", action="store_false", dest="twins", help="do not compare models with the twins of their archives")
    add(
        "--candidate",
        action="append",
        dest="candidates",
        metavar="MODEL=FILE.mar",
        help="compare a served model with an archive that may take its place (none)",
    )
    add("--log-dir", metavar="DIR", help="folder of the log files (logs)")
    add("--state-dir", metavar="DIR", help="folder in which counts are kept from one start to the next (none)")
    add("--keep-examples", type=int, metavar="N", help="newest flips of each model to keep as pictures (0: none)")
    add("--examples-dir", metavar="DIR", help="folder of these pictures, its owner's alone (kept_examples)")
    add("--startup-timeout", type=float, metavar="S", dest="startup_timeout_s", help="until all answer (300)")
    add("--token-auth", action="store_true", help="clients must send a key that TorchServe makes")
    add("--token-expiration", type=float, metavar="MIN", dest="token_expiration_min", help="lifetime of a key (60)")
    add("--allow-open", action="store_true", help="other addresses than loopback without keys")
    parser.add_argument("--config", type=Path, metavar="FILE", help="YAML with these and more; options win")
    parser.add_argument("--check", action="store_true", help="start, wait until the models answer, stop")


def run(options: Options) -> int:
    """Serve until Ctrl-C or TERM.

    Raises:
        ConfigError: an option or value that cannot be used.
        ArchiveError: an archive that is missing or damaged.
        ServerError: the service could not be started, or ended by itself.
    """
    config = load_config(options.config, options.settings)
    serve(config, check_only=options.check, say=functools.partial(print, flush=True))
    return 0


def serve(config: ServeConfig, *, check_only: bool, say: Say) -> None:
    """Start the service and stay until the operator stops it, or only until all models have answered."""
    running = _server(config.server)
    config = with_fetched(config, say)
    models = served_models(config)
    check_ports(config)
    make_log_dir(config.log_dir)
    with stop_signals() as stop, running(config, models, say, stop.wait) as server:
        names = [model.name for model in models]
        probe = Probe(config, server.key(stop))
        if wait_until_ready(server, names, probe, config, stop.wait, say):
            server.announce_keys()
            _announce(config, names[0], say)
            while not check_only and not stop.wait(0.5):
                server.check_alive()
            if not check_only:
                server.give_notice(stop)
    say("stopped")


def _server(name: str) -> Callable[[ServeConfig, list[ServedModel], Say, Wait], AbstractContextManager[RunningServer]]:
    """What starts the server of this name; imported only then, because each needs packages of its own."""
    module = {"groupnl": "groupnl.server.front", "torchserve": "groupnl.server.torchserve.run"}[name]
    running: Callable[..., AbstractContextManager[RunningServer]] = importlib.import_module(module).running
    return running


def check_ports(config: ServeConfig) -> None:
    """Raise ServerError for the first port that cannot be listened on."""
    for host, port, option in config.listeners():
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as error:
                raise ServerError(_port_problem(host, port, option, error)) from None


def _port_problem(host: str, port: int, option: str, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} on {host} is taken; stop what listens there, or choose another with {option}"
    return f"cannot listen on {host}:{port} ({error.strerror}); choose another host, or another port with {option}"


def make_log_dir(folder: Path) -> None:
    """Make the folder; raise ConfigError where nothing can be written there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ConfigError(f"cannot write logs to {folder} ({error.strerror}); choose another --log-dir") from None


def _announce(config: ServeConfig, model: str, say: Say) -> None:
    sample = _SAMPLES.get(model, SAMPLE_IMAGE)
    image = sample if sample.exists() else Path("IMAGE.jpg")
    header = "-H 'Authorization: Bearer KEY' " if config.token_auth or config.has_keys else ""
    url = shown_url(config)
    say(f"ready; try:\n  curl {header}-T {shlex.quote(str(image))} {url}predictions/{model}")
    if config.server == "groupnl" and config.playground:
        say(f"playground: {url}")
    say(f"metrics: http://{config.metrics_host}:{config.metrics_port}/metrics\n{READY}")


def shown_url(config: ServeConfig) -> str:
    """The address of predictions to try: under a name that is answered, and on this machine where all hosts are."""
    every = "127.0.0.1" if config.host == "0.0.0.0" else config.host  # noqa: S104
    host = config.allowed_hosts[0] if config.allowed_hosts else every
    return f"{'https' if config.tls_cert else 'http'}://{host}:{config.inference_port}/"
