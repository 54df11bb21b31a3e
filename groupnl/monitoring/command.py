"""`groupnl monitoring`: write Prometheus' configuration and rules, and Grafana's dashboards."""

import argparse
import functools
from pathlib import Path
from typing import get_args

from groupnl.base.atomic_file import write_whole
from groupnl.base.options import SettingsOptions, read_settings
from groupnl.errors import ConfigError, not_installed
from groupnl.monitoring.config import MonitoringConfig
from groupnl.monitoring.recording import Baseline


class Options(SettingsOptions):
    """Where `groupnl monitoring` writes; the settings are those of `MonitoringConfig`.

    Attributes:
        out: folder of the files.
    """

    out: Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options; what is not given is as `make serve` has it."""
    add = functools.partial(parser.add_argument, default=argparse.SUPPRESS)
    add("--workers", nargs="+", metavar="HOST:PORT", help="the workers' metrics (127.0.0.1:8083)")
    add("--frontends", nargs="+", metavar="HOST:PORT", help="TorchServe's own metrics (none)")
    add("--gpus", nargs="+", metavar="HOST:PORT", help="NVIDIA's exporter of what GPUs do, dcgm-exporter (none)")
    add("--alertmanager", metavar="HOST:PORT", help="who gets the alerts (127.0.0.1:9093)")
    add("--interval", type=int, metavar="S", dest="interval_s", help="between two scrapes (15)")
    add("--evaluation-interval", type=int, metavar="S", dest="evaluation_interval_s", help="of the rules (30)")
    add(
        "--baseline",
        choices=get_args(Baseline),
        help="what live agreement is compared with: before packing, or the service's own of a week before (offline)",
    )
    add("--runbooks", metavar="URL", help="where docs/monitoring.md is published; alerts link to it (its path)")
    parser.add_argument("--out", type=Path, default=Path("serving_config"), metavar="DIR", help="(serving_config)")


def run(options: Options) -> int:
    """Write the files.

    Raises:
        ConfigError: an address or interval that cannot be used, or the dashboards' library is not installed.
    """
    try:
        from groupnl.monitoring.files import generated_files
    except ModuleNotFoundError as error:
        raise ConfigError(not_installed(str(error.name), "dev")) from None
    config = read_settings(MonitoringConfig, options.settings)
    for name, text in generated_files(config).items():
        file = options.out / name
        write_whole(file, text)
        print(file)
    return 0
