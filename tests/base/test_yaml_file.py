"""groupnl.base.yaml_file: YAML that means what it says, and what is refused in words."""

import pytest

from groupnl.base.yaml_file import read_mapping
from groupnl.errors import ConfigError


def test_names_and_values_are_read(tmp_path):
    file = tmp_path / "some.yaml"
    file.write_text("a: &a {x: 1, y: 2}\nb: {<<: *a, x: 3}\nc: [{x: 1}, {x: 2}]\nlr: 1e-3\nbig: 2.5E+3\nname: 1e\n")
    b = {"x": 3, "y": 2}
    assert read_mapping(file) == {"a": {"x": 1, "y": 2}, "b": b, "c": [{"x": 1}, {"x": 2}]} | {
        "lr": 0.001,
        "big": 2500.0,
        "name": "1e",
    }
    file.write_text("")
    assert read_mapping(file) == {}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("a: 1\nb: 2\na: 3", "some.yaml, line 3: a stands in line 1 already; remove one"),
        ("a:\n  b: 1\n  b: 2", "some.yaml, line 3: b stands in line 2 already; remove one"),
        ("1: 2", "some.yaml, line 1: the name 1 must be text; put it in quotes if it is one"),
        ("a: {yes: 2}", "some.yaml, line 1: the name yes must be text; put it in quotes if it is one"),
        ("? [1, 2]\n: 3", "some.yaml, line 1: the name that is no single word must be text"),
        ("- a", "some.yaml must be a mapping of names to values"),
        ("a: 2020-02-30", "cannot read the configuration file"),
        ("a: [", "cannot read the configuration file"),
        (f"a: {'9' * 5000}", "cannot read the configuration file"),
    ],
)
def test_what_cannot_be_meant_is_refused(content, sentence, tmp_path):
    file = tmp_path / "some.yaml"
    file.write_text(content)
    with pytest.raises(ConfigError) as caught:
        read_mapping(file)
    assert sentence in str(caught.value)
