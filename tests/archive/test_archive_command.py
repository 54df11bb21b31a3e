"""The options of groupnl archive: a file that cannot be used is named, and work is told while it goes on."""

from pathlib import Path

import pytest
from support.tiny import tiny_checkpoint

from groupnl.archive.load import handler_section
from groupnl.archive.model_config import MOST
from groupnl.archive.read import CONFIG_FILE, unpack
from groupnl.base.options import option_name
from groupnl.base.yaml_file import read_mapping
from groupnl.cli import main


def archive(folder: Path, *options: str) -> int:
    words = ["archive", str(tiny_checkpoint(folder)), "--model-name", "tiny", "--output", str(folder)]
    return main([*words, "--engine", "eager", *options])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("top_kk: 3", "top_kk is no setting; did you mean top_k?"),
        ("limits:\n  max_byte: 3", "limits.max_byte is no setting; did you mean max_bytes or"),
        ("top_k: 0", "top_k = 0: it must be 1 or more"),
        ("shadow: hello", "shadow = 'hello': it must be a mapping"),
        ("top_k: true", "top_k = True: it must be a whole number"),
        ("limits:\n  max_side: '9'", "limits.max_side = '9': it must be a whole number"),
        ("top_k: 1\ntop_k: 2", "line 2: top_k stands in line 1 already"),
        ("- 1", "must be a mapping of names to values"),
    ],
)
def test_what_is_wrong_in_the_file_is_told_with_its_name(
    content: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "handler.yaml"
    file.write_text(content)
    assert archive(tmp_path, "--handler-config", str(file), "--twin", "other") == 1
    told = capsys.readouterr().err
    assert str(file) in told
    assert said in told
    assert not (tmp_path / "tiny.mar").exists()


def test_options_come_before_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "handler.yaml"
    file.write_text("engine: compile\ntop_k: 3\nshadow:\n  share: 0.25\n")
    assert archive(tmp_path, "--handler-config", str(file), "--twin", "other") == 0
    told = capsys.readouterr()
    assert told.out == f"{tmp_path / 'tiny.mar'}\n"
    assert "for the engine eager" in told.err
    unpack(tmp_path / "tiny.mar", tmp_path / "unpacked")
    handler = handler_section(read_mapping(tmp_path / "unpacked" / CONFIG_FILE))
    assert (handler.engine, handler.top_k) == ("eager", 3)
    assert (handler.shadow.share, handler.shadow.twin) == (0.25, "other")


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("workers", 0, "it must be 1 or more"),
        ("workers", MOST + 1, f"it must be {MOST} or less"),
        ("batch_size", MOST + 1, f"it must be {MOST} or less"),
    ],
)
def test_a_number_out_of_its_range_is_a_mistake_of_the_command_line(
    option: str, value: int, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert archive(tmp_path, option_name(option), str(value)) == 2
    assert f"{option} = {value}: {said}" in capsys.readouterr().err
    assert not (tmp_path / "tiny.mar").exists()


def test_names_of_other_classes_are_told_with_their_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = tmp_path / "names.txt"
    names.write_text("cat\ndog\n")
    assert archive(tmp_path, "--classes", str(names)) == 1
    assert f"--classes {names}: there are 2 names, and the network has 7 classes: write" in capsys.readouterr().err


def test_a_twin_that_is_not_packed_yet_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert archive(tmp_path, "--twin", "other") == 0
    assert f"note: {tmp_path} holds no archive of the twin, other.mar: pack it too" in capsys.readouterr().err
    assert archive(tmp_path, "--model-name", "other") == 0
    assert archive(tmp_path, "--twin", "other", "--overwrite") == 0
    assert "note:" not in capsys.readouterr().err


def test_a_twin_that_cannot_be_compared_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert archive(tmp_path, "--model-name", "other", "--crop-pct", "0.5") == 0
    capsys.readouterr()
    assert archive(tmp_path, "--twin", "other") == 1
    told = capsys.readouterr().err
    assert f"tiny cannot be compared with its twin {tmp_path / 'other.mar'}: their input differs " in told
    assert "(crop_pct 1.0 and 0.5), as only a candidate's may; name another --twin" in told
    assert not (tmp_path / "tiny.mar").exists()


def test_a_model_is_not_its_own_twin(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "handler.yaml"
    file.write_text("shadow: {twin: tiny}")
    assert archive(tmp_path, "--handler-config", str(file)) == 1
    assert "the twin tiny is the model itself: name another --twin" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--model-name", "a/b"], "--model-name a/b: it must be of letters, digits, '_'"),
        (["--model-name", ""], "--model-name : it must be of letters"),
        (["--model-name", "ä b"], "--model-name ä b: it must be of letters"),
        (
            ["--model-name", "a" * 300],
            f"--model-name {'a' * 300}: it must be of letters, digits, '_', '-' and single '.'",
        ),
        (["--version", ""], "--version : it must be 1 to 100 printed characters"),
        (["--input-size", "0"], "--input-size 0: it must be 8 or more"),
        (["--crop-pct", "2"], "--crop-pct 2.0: it must be 1 or less"),
        (["--std", "0", "0", "0"], "--std 0.0: it must be above 0"),
        (["--mean", "123.7", "116.3", "103.5"], "--mean [123.7, 116.3, 103.5]: it is of pixels from 0 to 1: divide"),
        (["--twin", "tiny"], "--twin tiny is the model itself: name another"),
        (["--twin", "a/b"], "--twin a/b: it must be of letters"),
    ],
)
def test_what_is_mistyped_is_told_before_the_checkpoint_is_read(
    words: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    start = ["archive", str(tmp_path / "nowhere.safetensors"), "--model-name", "tiny", "--output", str(tmp_path)]
    assert main([*start, *words]) == 2
    assert capsys.readouterr().err.startswith(f"groupnl archive: {said}")
