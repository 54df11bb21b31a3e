"""The `groupnl` command itself: finding the subcommand, usage, errors."""

import importlib.util
import os
import subprocess
import sys

import pytest

from groupnl import __version__, cli
from groupnl.models import PUBLISHED


def test_overview_lists_every_command(capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.main([])
    assert stopped.value.code == 0
    shown = capsys.readouterr().out
    assert all(f"  {name} " in shown for name in cli.COMMANDS)


def test_version(capsys):
    with pytest.raises(SystemExit):
        cli.main(["--version"])
    assert __version__ in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("serv", "'serv' is no command; did you mean serve?"),
        ("serv --models a", "'serv' is no command; did you mean serve?"),
        ("data", "'data' is no command; did you mean data icons, data probe?"),
        ("data cats", "did you mean data icons?"),
        ("bench modls", "did you mean bench models,"),
        ("fly", "'fly' is no command; `groupnl --help` lists them"),
    ],
)
def test_a_word_that_is_no_command_is_told_with_what_is_near(words, said, capsys):
    assert cli.main(words.split()) == 2
    shown = capsys.readouterr().err
    assert said in shown
    assert len(shown.splitlines()) == 1


def test_a_group_lists_its_commands(capsys):
    assert cli.main(["data", "--help"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert [line.split()[:3] for line in shown] == [["groupnl", "data", "icons"], ["groupnl", "data", "probe"]]


@pytest.mark.parametrize(
    "words",
    [
        "models --size many",  # of another type
        "models --size 0",
        "corrupt x.png --severities 9",
        "serve --workers 0",
        "serve --workers 1_0",
        "serve --workers ٣",
        "serve --workers 99999999999999999999",
        "serve --workers 2000",
        "serve --startup-timeout inf",
        "serve --shadow-share nan",
        "serve --models a a",
        "serve --models =x.mar",
        "data probe --data /nowhere --out x --images 0",
        "data probe --data /nowhere --out x --seed -1",
        "monitoring --workers nowhere",
        "monitoring --workers a:99999",
        "monitoring --alertmanager a:0",
        "validate --checkpoint x --data y --corruptions fog",
        "validate --checkpoint x --data y --severities 3",
        "train --data x --model resnet18 --output y --epochs none",
        "models --siz 64",  # an abbreviation
        "curves x.csv --output curves.xyz",
    ],
)
def test_what_cannot_be_used_as_typed_ends_with_2(words, capsys):
    try:
        status = cli.main(words.split())
    except SystemExit as stopped:
        status = stopped.code
    assert status == 2
    assert words.split()[0] in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_knows_every_command_and_option(shell, capsys):
    assert cli.main(["--print-completion", shell]) == 0
    script = capsys.readouterr().out
    for word in ("serve", "live-vs-offline", "batch-size", "shadow-share"):
        assert word in script


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_explains_itself(name, capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.main([*name.split(), "--help"])
    assert stopped.value.code == 0
    assert f"usage: groupnl {name}" in capsys.readouterr().out


@pytest.mark.slow
def test_reader_that_has_seen_enough_is_no_error():
    costs = f"{sys.executable} -m groupnl.cli costs --in-channels 8 --out-channels 8 --size 9"
    command = f"{costs} | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.strip() in {"0", "141"}
    assert done.stderr == ""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "status", "said"),
    [
        ("models --size 32 >&-", 1, "groupnl models: standard output is closed: give it a file, or /dev/null\n"),
        ("models --size 32 > /dev/full", 1, "groupnl models: [Errno 28] No space left on device\n"),
        ("nope 2>&-", 2, ""),
        ("models --size 0 2>&-", 2, ""),
    ],
)
def test_streams_that_are_closed_or_full(command, status, said):
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m groupnl {command}"], capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stdout, done.stderr) == (status, "", said)


@pytest.mark.parametrize("words", [["--versio"], ["--hel"], ["--print", "bash"]])
def test_nothing_is_abbreviated_before_a_command(words, capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.main(words)
    assert stopped.value.code == 2
    assert words[0] in capsys.readouterr().err


def test_ctrl_c_in_a_command_is_130_and_one_line(monkeypatch, capsys):
    def pressed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "_run", pressed)
    assert cli.main(["costs"]) == 130
    assert capsys.readouterr().err == "groupnl costs: stopped by Ctrl-C\n"


@pytest.mark.slow
def test_ctrl_c_while_the_program_is_being_imported_is_quiet(tmp_path):
    (tmp_path / "sitecustomize.py").write_text(
        "import sys, importlib.abc, os, signal, time\n"
        "class Pressing(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'groupnl.base.cores':\n"
        "            os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Pressing())\n"
    )
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "-m", "groupnl", "recipes"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_file_that_cannot_be_written_is_told_in_a_sentence(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    log = tmp_path / "log.csv"
    log.write_text("epoch,loss\n1,2\n")
    assert cli.main(["curves", str(log), "--output", str(tmp_path / "file" / "x.svg")]) == 1
    assert capsys.readouterr().err.startswith("groupnl curves: ")


@pytest.mark.parametrize(
    "words",
    [
        ["curves", "run.csv", "--output", "run.svg"],
        ["validate", "--checkpoint", "model.pth.tar", "--data", "images"],
        ["tune", "model.mar"],
        ["bench", "models", "--out", "bench"],
        ["bench", "serve", "--plot", "serve.svg"],
        ["study", "convolutions", "--out", "study"],
        ["study", "robustness", "--out", "study"],
        ["study", "nonlinearity", "--out", "study"],
        ["study", "live-vs-offline"],
    ],
)
def test_what_will_draw_says_at_once_that_it_cannot(words, monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)  # nothing of what is named is there
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "matplotlib" else find(name))
    assert cli.main(words) == 1
    assert "matplotlib is not installed: `make install`, or" in capsys.readouterr().err


@pytest.mark.parametrize("name", [name for name, command in cli.COMMANDS.items() if "studies" in command.module])
def test_what_measures_says_what_to_install_where_it_is_missing(name, monkeypatch, capsys):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda part: None if part == "groupnl_studies" else find(part))
    assert cli.main(name.split()) == 1
    assert capsys.readouterr().err == (
        f"groupnl {name}: groupnl_studies is not installed: `make install`, or `pip install -e ./groupnl_studies`, "
        "in the source folder\n"
    )


@pytest.mark.slow
def test_models_lists_the_fifteen_with_their_twins(capsys):
    assert cli.main(["models"]) == 0
    published, others = capsys.readouterr().out.split("\n\n")
    rows = published.splitlines()[1:]
    assert len(rows) == 15
    es = next(row for row in rows if row.startswith("efficientnet_gnl_es"))
    assert es.split() == ["efficientnet_gnl_es", "5.44", "1789", "efficientnet_es", "5.44", "1789"]
    assert {row.split()[0] for row in rows} == {variant.name for variant in PUBLISHED}
    twins = dict(row.split() for row in others.splitlines()[1:])
    assert twins["tf_efficientnet_gnl_lite0"] == "tf_efficientnet_lite0"
    assert twins["gnl_std_r2_resnet50_cifar"] == "resnet50_cifar"
