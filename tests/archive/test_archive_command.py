"""The options of groupnl archive: a file that cannot be used is named, and work is told while it goes on."""

from pathlib import Path

import pytest
from support.tiny import tiny_checkpoint

from groupnl.archive.load import handler_section
from groupnl.archive.read import CONFIG_FILE, unpack
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


def test_a_number_out_of_its_range_is_a_mistake_of_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert archive(tmp_path, "--workers", "0") == 2
    assert "workers = 0: it must be 1 or more" in capsys.readouterr().err
    assert not (tmp_path / "tiny.mar").exists()
