"""groupnl.base.words: the numbers that people type, and what Python would take for one."""

import argparse

import pytest

from groupnl.base.words import Parser, number, whole_number


@pytest.mark.parametrize(("word", "value"), [("0", 0), ("12", 12), ("-5", -5), ("+3", 3), (str(2**63 - 1), 2**63 - 1)])
def test_whole_numbers(word, value):
    assert whole_number(word) == value


@pytest.mark.parametrize(("word", "value"), [("0", 0.0), (".5", 0.5), ("1.", 1.0), ("-2", -2.0), ("1e-3", 0.001)])
def test_numbers(word, value):
    assert number(word) == value


@pytest.mark.parametrize("word", ["1_0", "٣", "2.0", "", " 1", "0x10", "one"])
def test_what_is_no_whole_number_is_refused(word):
    with pytest.raises(argparse.ArgumentTypeError, match="it must be a whole number"):
        whole_number(word)


@pytest.mark.parametrize("word", ["1_0.5", "٣", "nan", "inf", "-Infinity", "", "1e", "."])
def test_what_is_no_number_is_refused(word):
    with pytest.raises(argparse.ArgumentTypeError, match="it must be a number"):
        number(word)


@pytest.mark.parametrize(("kind", "word"), [(whole_number, "99999999999999999999"), (number, "1e999")])
def test_what_is_too_large_is_said_to_be(kind, word):
    with pytest.raises(argparse.ArgumentTypeError, match=f"{word}: it is too large a number"):
        kind(word)


def test_a_parser_reads_such_numbers_also_in_a_group_of_options(capsys):
    parser = Parser("some")
    parser.add_argument("--count", type=int)
    parser.add_argument_group("more").add_argument("--share", type=float)
    assert vars(parser.parse_args(["--count", "3", "--share", "0.5"])) == {"count": 3, "share": 0.5}
    for words in (["--count", "1_0"], ["--share", "nan"], ["--coun", "3"]):
        with pytest.raises(SystemExit) as stopped:
            parser.parse_args(words)
        assert stopped.value.code == 2
        assert words[1] in capsys.readouterr().err
