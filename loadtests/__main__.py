"""The short set: one scenario after the other, without the web page; HTML, CSV, JSON of each, and a picture of all.

``python -m loadtests``; further options go to every run, for instance ``--max-p95-ms 300``. Ends with 1 if a scenario
failed, and at once with 2 if an option is wrong.
"""

import argparse
import ctypes
import json
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from statistics import harmonic_mean

from loadtests._plot import draw
from loadtests._record import Json
from loadtests._settings import HOST, SCENARIOS, Settings

LOCUSTFILE = Path(__file__).with_name("locustfile.py")
# Share of the capacity that the scenarios of a steady rate ask for, and how many times the capacity an overload is.
MODERATE = 0.4
# Every second request of this one is bad, and some are large: 17 MiB, a hundred thousand chunks.
GENTLE = {"hostile": 0.1}
OVERLOAD = 3
# How many of the models these ask, the first ones.
ASKED = {"twins": 2, "spike": 1}
USAGE_ERROR = 2  # of Locust, and of our locustfile: an option is wrong, in every scenario
PR_SET_PDEATHSIG = 1  # linux/prctl.h
SHORT = {
    "capacity": ("--step-seconds", "3"),
    "twins": ("--duration", "25"),
    "spike": ("--duration", "8", "--recovery", "10"),
    "soak": ("--duration", "25"),
    "hostile": ("--duration", "25"),
    "rollout": ("--duration", "3"),
}
DEFAULT = [name for name in SHORT if name != "rollout"]  # it kills a process of the service


def main(arguments: list[str] | None = None) -> int:
    """Run the set; 0 if all scenarios passed, 1 if one failed, 2 if an option is wrong."""
    parser = argparse.ArgumentParser(prog="python -m loadtests", description=__doc__)
    parser.add_argument(
        "--out", type=Path, default=Path("build/loadtests"), help="folder for the results (%(default)s)"
    )
    parser.add_argument("--host", default=HOST, help="the service (%(default)s)")
    parser.add_argument("--scenarios", nargs="+", choices=SCENARIOS, default=DEFAULT, help="(all but rollout)")
    options, further = parser.parse_known_args(arguments)
    if missing := [name for name in ("locust", "matplotlib") if find_spec(name) is None]:
        parser.error(f"{' and '.join(missing)} must be installed: pip install -e '.[load]'")
    # So that a run under way ends with this process, whoever ends it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    options.out.mkdir(parents=True, exist_ok=True)
    return _run_all(options.scenarios, options.host, options.out, further)


def _run_all(scenarios: list[str], host: str, out: Path, further: list[str]) -> int:
    summaries: dict[str, Json] = {}
    failed: list[str] = []
    for name in scenarios:
        rates = _rates(summaries.get("capacity"), GENTLE.get(name, MODERATE), ASKED.get(name))
        status = _run(name, host, out, [*SHORT[name], *rates, *further])
        if status == USAGE_ERROR:
            return status
        if status:
            failed.append(name)
        if (file := out / f"{name}.json").exists():
            summaries[name] = json.loads(file.read_text(encoding="utf-8"))
    draw(summaries, out / "summary.svg")
    passed = [name for name in scenarios if name not in failed]
    sys.stdout.write(f"\npassed: {', '.join(passed) or 'none'}; failed: {', '.join(failed) or 'none'}; see {out}\n")
    return 1 if failed else 0


def _run(name: str, host: str, out: Path, options: list[str]) -> int:
    """One scenario in a Locust of its own; its exit status, 0 if it passed."""
    prefix, summary = out / name, out / f"{name}.json"
    # What an earlier run left must not be taken for this one's.
    summary.unlink(missing_ok=True)
    command = [sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), "--headless", "--only-summary"]
    command += ["--loglevel", "WARNING", "--host", host, "--scenario", name]
    command += ["--html", f"{prefix}.html", "--csv", str(prefix), "--summary", str(summary)]
    return subprocess.run(  # noqa: S603 (our own command)
        [*command, *options],
        check=False,
        preexec_fn=_end_with_parent,  # safe: no other thread runs
    ).returncode


def _end_with_parent() -> None:
    """In the new process: when its parent dies, even by kill -9, Linux will send it TERM.

    The service's code has the same, but the load tests know nothing of that.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _rates(capacity: Json | None, share: float, asked: int | None) -> list[str]:
    """Rates that fit the machine, where its capacity is known: a share of it, and an overload.

    Args:
        capacity: what that scenario found.
        share: of the capacity for these models in turn.
        asked: how many of the models, the first ones; None: all.
    """
    saturated = list(capacity["figures"]["saturated"].values()) if capacity else []
    if not saturated or not all(saturated):
        return []
    steady = share * harmonic_mean(saturated[:asked])
    spike = max(Settings().spike_rate, OVERLOAD * saturated[0])
    return ["--rate", f"{steady:.1f}", "--spike-rate", f"{spike:.0f}"]


if __name__ == "__main__":
    sys.exit(main())
