"""The `groupnl` command: finds the subcommand, runs it, and turns a known error into one sentence and exit status 1."""

import argparse
import difflib
import importlib
import importlib.util
import io
import os
import sys
import traceback
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from itertools import takewhile
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import shtab

from groupnl import __version__
from groupnl.base.cores import limit_threads
from groupnl.base.options import read_options
from groupnl.base.picture import check_drawing
from groupnl.base.termination import ending_in_order, let_go, losing_no_signal
from groupnl.base.words import Parser
from groupnl.errors import ConfigError, GroupNLError, OptionError, not_installed


class Command(NamedTuple):
    """A subcommand.

    Attributes:
        module: that has its ``Options``, ``add_arguments(parser)``, which declares them, and ``run(options)``.
        help: one line.
        draws: it ends with a picture, so it needs the package that draws.
        own_end: it sees itself to TERM and to the closing of the terminal.
        error_status: with which every error ends, where 1 and 2 are answers of the command; None: 1, or 2 for what was
            typed.
    """

    module: str
    help: str
    draws: bool = False
    own_end: bool = False
    error_status: int | None = None


NO_VERDICT = 3  # of `groupnl gate`, whose 0, 1 and 2 are verdicts
COMMANDS = {
    "serve": Command("groupnl.server.command", "serve the archives of the model store", own_end=True),
    "reload": Command("groupnl.server.reload_command", "exchange a model of a running service, without a pause"),
    "cluster serve": Command("groupnl.cluster.command", "serve archives on a Ray cluster", own_end=True),
    "cluster roll": Command("groupnl.cluster.roll", "restart services one after the other, without a pause"),
    "keys new": Command("groupnl.server.keys.command", "make a key for clients of the service"),
    "archive": Command("groupnl.archive.command", "pack a checkpoint as a TorchServe archive"),
    "engines": Command("groupnl.archive.speed.command", "show or measure how fast an archive's engines are here"),
    # A process that waits for the others, in code that is not Python, would only be ended by torchrun's KILL, half a
    # minute later.
    "train": Command("groupnl.training.command", "train a network on image folders", own_end=True),
    "recipes": Command("groupnl.training.recipes_command", "list or show the published training recipes"),
    "curves": Command("groupnl.training.curves_command", "draw the logs of training runs", draws=True),
    "convert": Command("groupnl.conversion.command", "make a trained standard network's GroupNL form, without labels"),
    "data icons": Command("groupnl.datasets.icons.command", "build the icons, the default models' images"),
    "data probe": Command("groupnl.datasets.probe_command", "choose labelled images as an archive's probe set"),
    "robustness": Command(
        "groupnl.validation.offline_command", "measure checkpoints under all corruptions, with labels"
    ),
    "traffic": Command(
        "groupnl.validation.traffic_command", "measure what a model's traffic is to be like, before packing"
    ),
    "validate": Command(
        "groupnl.validation.command", "measure a checkpoint's accuracy, clean and corrupted as ImageNet-C", draws=True
    ),
    "bench shadow": Command("groupnl_studies.shadow_cost.command", "measure what shadow requests cost the client"),
    "bench models": Command(
        "groupnl_studies.models.command", "time every network beside its twin, in every form and engine", draws=True
    ),
    "bench serve": Command(
        "groupnl_studies.serving.command",
        "measure the service beside its offline limit and TorchServe's own classifier",
    ),
    "tune": Command(
        "groupnl_studies.tune.command", "choose engine, workers, batch size and more by measurement", draws=True
    ),
    "bench images": Command(
        "groupnl_studies.images.command", "time the way from bytes to model input beside the reference"
    ),
    "study precision": Command("groupnl_studies.precision.command", "compare every engine's answers with float32"),
    "study engines": Command(
        "groupnl_studies.engines.command", "compare what --engine auto takes with every engine in every shape"
    ),
    "study classifiers": Command(
        "groupnl_studies.classifiers.command", "pack networks of timm and torchvision, and compare answers with timm's"
    ),
    "study photographs": Command(
        "groupnl_studies.photographs.command",
        "ask about photographs, and compare answers and shadows with timm's network",
    ),
    "study convolutions": Command(
        "groupnl_studies.convolutions.command",
        "train the same networks with every convolution, clean and corrupted",
        draws=True,
    ),
    "study robustness": Command(
        "groupnl_studies.robustness.command",
        "train networks in ways that make them robust, with and without GroupNL",
        draws=True,
    ),
    "study nonlinearity": Command(
        "groupnl_studies.nonlinearity.command",
        "measure how much of GroupNL's generated maps is affine in their seeds",
        draws=True,
    ),
    "study live-vs-offline": Command(
        "groupnl_studies.live_vs_offline.command",
        "compare the running service's live figures with the offline truth",
        draws=True,
    ),
    "study statistics": Command(
        "groupnl_studies.statistics.command", "try verdicts, intervals and alerts on simulated traffic"
    ),
    "study scale": Command("groupnl_studies.scale.command", "measure what a Prometheus needs for many replicas"),
    "study cluster": Command(
        "groupnl_studies.cluster.command", "kill and exchange the nodes and replicas of a service on Ray under load"
    ),
    "study traffic": Command(
        "groupnl_studies.traffic.command", "try whether corruptions that the traffic carries are found and named"
    ),
    "monitoring": Command("groupnl.monitoring.command", "write the rules for Prometheus, the dashboards for Grafana"),
    "report": Command("groupnl.report.command", "write a page about the live robustness of served models"),
    "gate": Command(
        "groupnl.gate.command",
        "ask whether a candidate may take its model's place: 0 yes, 1 no, 2 not enough yet",
        error_status=NO_VERDICT,
    ),
    "corrupt": Command("groupnl.corruptions.sheet_command", "show an image under all corruptions and severities"),
    "bench corruptions": Command(
        "groupnl_studies.corruptions.command", "time the corruptions beside the reference library"
    ),
    "models": Command("groupnl.models.command", "list the GroupNL networks with their size and twin"),
    "costs": Command("groupnl.layers.costs_command", "compare what the convolutions cost"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Returns:
        The exit status: 0, 1 (a known error, told on stderr), 2 (what was typed cannot be used), 130 (Ctrl-C) or 141
        (nobody reads on). Of a command whose own 1 and 2 are answers, any error is its `Command.error_status`.

    Raises:
        SystemExit: by TERM (143), by the closing of the terminal (129), and by argparse.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    name = _named(words)
    error_status = COMMANDS[name].error_status if name else None
    if sys.stdout is None:  # Python's way to say that it was closed; a file that is opened would take its place
        return _fail(name, "standard output is closed: give it a file, or /dev/null", error_status or 1)
    _take_any_sign()
    try:
        with losing_no_signal():
            limit_threads()
            status = _run(name, words[len(name.split()) :]) if name else _without_command(words)
            sys.stdout.flush()  # here, where a broken pipe is caught
            return status
    except BrokenPipeError:  # `groupnl models | head`: the reader has seen enough
        _forget_output()
        return 141  # as shells count it
    except OptionError as error:
        return _fail(name, str(error), error_status or 2)  # with which argparse exits too
    except (GroupNLError, OSError) as error:  # the system's own errors name the file and say what is wrong
        return _fail(name, str(error), error_status or 1)
    except KeyboardInterrupt as error:
        let_go(error)
        return _fail(name, "stopped by Ctrl-C", 130)  # as shells count it
    except Exception:
        if error_status is None:
            raise
        traceback.print_exc()  # as Python would, which then ends with 1
        return error_status


def _take_any_sign() -> None:
    """A class may be called what the terminal has no signs for."""
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")


def _fail(name: str | None, sentence: str, status: int) -> int:
    if sys.stderr is not None:  # closed; `print` would take the other one
        print(f"groupnl {name}: {sentence}" if name else f"groupnl: {sentence}", file=sys.stderr)
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:  # it was told: Python would tell it once more at its end
        _forget_output()
    return status


def _forget_output() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _run(name: str, words: Sequence[str]) -> int:
    module = _module(COMMANDS[name].module)
    parser = Parser(f"groupnl {name}", COMMANDS[name].error_status or 2, description=COMMANDS[name].help)
    module.add_arguments(parser)
    args = parser.parse_args(words)
    if COMMANDS[name].draws:
        check_drawing()
    with nullcontext() if COMMANDS[name].own_end else ending_in_order():
        return int(module.run(read_options(module.Options, args)))


def _module(name: str) -> ModuleType:
    """The module of a command; only that of the command that is run is imported: torch and timm take seconds.

    Raises:
        ConfigError: it measures the product, and what measures is not installed.
    """
    package = name.split(".")[0]
    if importlib.util.find_spec(package) is None:
        raise ConfigError(not_installed(package))
    return importlib.import_module(name)


def _named(words: Sequence[str]) -> str | None:
    """The command that the first words name."""
    for name in COMMANDS:
        parts = name.split()
        if list(words[: len(parts)]) == parts:
            return name
    return None


def _without_command(words: Sequence[str]) -> int:
    given = list(takewhile(lambda word: not word.startswith("-"), words))
    group = _group(given)
    if group and words[1:] in (["-h"], ["--help"]):
        print("\n".join(f"groupnl {name:<{max(map(len, group))}}  {COMMANDS[name].help}" for name in group))
        return 0
    if given:
        return _refuse(given, group)
    return _print_completion(_overview().parse_args(words or ["--help"]).print_completion)


def _group(words: Sequence[str]) -> list[str]:
    """The commands of which the first of the words is the first."""
    return [name for name in COMMANDS if name.split()[:-1] == list(words[:1])] if words else []


def _refuse(words: Sequence[str], group: list[str]) -> int:
    """Say which commands are near to the words that name none."""
    near = group if len(words) == 1 else difflib.get_close_matches(" ".join(words[:2]), group or COMMANDS)
    near = near or group or difflib.get_close_matches(words[0], COMMANDS)
    advice = f"did you mean {', '.join(near)}?" if near else "`groupnl --help` lists them"
    return _fail(None, f"{' '.join(words)!r} is no command; {advice}", 2)


def _print_completion(shell: str) -> int:
    """Print what lets a shell complete commands, options and files."""
    parser = argparse.ArgumentParser("groupnl")
    parser.add_argument("--version", action="store_true")
    groups = {"": parser.add_subparsers()}
    for name, command in COMMANDS.items():
        group, _, last = name.rpartition(" ")
        if group not in groups:
            # Without a text shtab leaves it out.
            groups[group] = groups[""].add_parser(group, help=f"{group} ...").add_subparsers()
        with suppress(ConfigError):  # what measures need not be installed
            _add_arguments(_module(command.module), groups[group].add_parser(last, help=command.help))
    print(shtab.complete(parser, shell))
    return 0


def _add_arguments(module: ModuleType, parser: argparse.ArgumentParser) -> None:
    module.add_arguments(parser)
    for action in parser._actions:
        if action.type is Path:
            action.complete = shtab.FILE  # type: ignore[attr-defined]  # so shtab wants it


def _overview() -> argparse.ArgumentParser:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {command.help}" for name, command in COMMANDS.items()]
    parser = Parser(
        "groupnl",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="groupnl COMMAND [--help] ...",
        description="GroupNL convolutional networks as a service.\n\ncommands:\n" + "\n".join(lines),
    )
    parser.add_argument("--version", action="version", version=f"groupnl {__version__}")
    parser.add_argument("--print-completion", choices=shtab.SUPPORTED_SHELLS, help="for tab completion")
    return parser


if __name__ == "__main__":
    sys.exit(main())
