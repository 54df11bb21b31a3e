"""groupnl.base.options: what is parsed becomes a typed model, and what does not fit is told by its option."""

import argparse
from typing import Self

import pytest
from pydantic import model_validator

from groupnl.base.numbers import Positive, PositiveShare
from groupnl.base.options import Options, SettingsOptions, read_options
from groupnl.errors import ConfigError


class Some(Options):
    batch_sizes: tuple[Positive, ...] = (1,)
    share: PositiveShare = 0.5
    limit: Positive | None = None

    @model_validator(mode="after")
    def _fit(self) -> Self:
        if self.limit and len(self.batch_sizes) > self.limit:
            raise ValueError("--batch-sizes are more than --limit")
        return self


def test_what_is_parsed_becomes_the_model():
    assert read_options(Some, argparse.Namespace(batch_sizes=[2, 4], limit=3)) == Some(batch_sizes=(2, 4), limit=3)


class Over(SettingsOptions):
    check: bool


def test_what_is_no_field_goes_to_another_model_as_it_was_given():
    options = read_options(Over, argparse.Namespace(check=True, workers="many", models=["a"]))
    assert (options.check, options.settings) == (True, {"workers": "many", "models": ["a"]})


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"batch_sizes": [2, 0]}, "--batch-sizes 0: it must be 1 or more"),
        ({"share": 0.0}, "--share 0.0: it must be above 0"),
        ({"share": 2.0}, "--share 2.0: it must be 1 or less"),
        ({"limit": 1, "batch_sizes": [1, 2]}, "--batch-sizes are more than --limit"),
    ],
)
def test_what_does_not_fit_is_told_by_its_option(values, sentence):
    with pytest.raises(ConfigError) as caught:
        read_options(Some, argparse.Namespace(**values))
    assert str(caught.value) == sentence
