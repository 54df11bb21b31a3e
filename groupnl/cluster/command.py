"""`groupnl cluster serve`: the archives on a Ray cluster, until Ctrl-C or TERM."""

import argparse
import functools
import importlib.util
from pathlib import Path

from groupnl.base.environment import given_keys, keep_ray_on_loopback
from groupnl.base.options import SettingsOptions, read_settings
from groupnl.base.say import Say
from groupnl.cluster.config import NOT_HERE, ClusterConfig
from groupnl.errors import ConfigError
from groupnl.server import command as serve_command
from groupnl.server.stop import stop_signals


class Options(SettingsOptions):
    """How `groupnl cluster serve` starts; the settings are those of `ClusterConfig`.

    Attributes:
        address: of the Ray cluster; None: one is started on this machine.
        config: YAML with the same settings and more; what is given beside it wins.
        check: start, wait until the models answer, stop.
    """

    address: str | None
    config: Path | None
    check: bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `groupnl cluster serve`: those of `groupnl serve`, as far as they are, and its own."""
    serve_command.add_arguments(parser)
    for action in parser._actions:
        if action.dest in (*NOT_HERE, "server"):
            action.help = argparse.SUPPRESS  # it is refused with a sentence
        elif action.dest == "models":
            action.help = "served under other names than their files' (every archive in the store)"  # no addresses
    add = functools.partial(parser.add_argument, default=argparse.SUPPRESS)
    add("--archives", nargs="+", metavar="FILE.mar", help="served under their files' names; every node must have them")
    add("--replicas", metavar="MIN:MAX", help="how many, or from how few to how many (1)")
    add("--cpus", type=float, metavar="N", help="cores of a replica (1)")
    add("--gpus", type=float, metavar="N", help="GPUs of a replica (0)")
    add("--max-ongoing", type=int, metavar="N", help="requests that a replica has in hand (64)")
    add("--target-ongoing", type=float, metavar="N", help="requests in hand for which replicas are added (16)")
    add("--health-period-s", type=float, metavar="S", help="between two predictions that check a replica (10)")
    parser.add_argument("--address", help="of the Ray cluster: auto, HOST:PORT or ray://HOST:PORT (one is started)")


def run(options: Options) -> int:
    """Serve until Ctrl-C or TERM.

    Raises:
        ConfigError: an option or value that cannot be used, or Ray is not installed.
        ArchiveError: an archive that is missing or damaged.
        ServerError: the service could not be started.
    """
    config = read_settings(ClusterConfig, options.settings, options.config).absolute()
    if options.address is not None and given_keys() is not None:
        raise ConfigError("the keys in GROUPNL_KEYS do not reach a cluster that runs already; use --keys FILE")
    if importlib.util.find_spec("ray") is None:
        raise ConfigError("Ray is not installed; install it with pip install 'groupnl-serve[serve,ray]'")
    config.served()  # what cannot be served is told before a cluster is started
    say: Say = functools.partial(print, flush=True)
    if options.address is None:
        keep_ray_on_loopback()
    from groupnl.cluster.running import running

    # Ray, when it starts, takes TERM for itself
    with running(config, options.address, say) as (metrics_host, metrics_port), stop_signals() as stop:
        model = next(iter(config.served()))
        say(f"ready; try:\n  curl -T docs/sample.png {serve_command.shown_url(config)}predictions/{model}")
        say(f"metrics: http://{metrics_host}:{metrics_port}/metrics\n{serve_command.READY}")
        while not options.check and not stop.wait(1.0):
            pass
    say("stopped")
    return 0
