"""The files that are handed out for several services agree with what the service does."""

import argparse
import configparser
import re
import shlex
from pathlib import Path

from groupnl.cluster import roll
from groupnl.server import command
from groupnl.server.config import ServeConfig

ROOT = Path(__file__).parents[2]
HAPROXY = (ROOT / "serving_config" / "haproxy_replicas.cfg").read_text()
UNIT = ROOT / "serving_config" / "groupnl@.service"
DEFAULT = ServeConfig()


def test_haproxy_waits_longer_than_the_service_does() -> None:
    limits = {name: float(seconds) for name, seconds in re.findall(r"^ *timeout ([a-z-]+) +(\d+)s", HAPROXY, re.M)}
    assert limits["server"] > DEFAULT.request_timeout_s
    assert limits["http-request"] >= DEFAULT.receive_timeout_s


def test_haproxy_has_what_a_roll_asks_for() -> None:
    parser = argparse.ArgumentParser()
    roll.add_arguments(parser)
    assert re.search(rf"^backend {parser.get_default('backend')}$", HAPROXY, re.M)
    assert re.search(r"^ *stats socket .* level admin", HAPROXY, re.M)


def test_systemd_starts_and_stops_a_service_as_it_must_be() -> None:
    unit = configparser.ConfigParser(interpolation=None, strict=False)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read_string(UNIT.read_text())
    service = unit["Service"]
    program, serve, *words = shlex.split(service["ExecStart"].replace("%i", "one"))
    assert (Path(program).name, serve) == ("groupnl", "serve")
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    given = vars(parser.parse_args(words))
    for option, kind in {"state_dir": "State", "log_dir": "Logs", "management_socket": "Runtime"}.items():
        assert service[f"{kind}Directory"].replace("%i", "one") in given[option]
    assert service["KillMode"] == "mixed"  # the workers live until the service has drained
    assert float(service["TimeoutStopSec"]) > DEFAULT.drain_s
