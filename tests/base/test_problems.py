"""What a model refused, in our words; nothing of pydantic's reaches a user where we know better."""

from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError

import groupnl
from groupnl.base.problems import problems
from groupnl.base.texts import form


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")

    max_bytes: Annotated[int, Field(ge=1)] = 1


class Outer(BaseModel):
    model_config = ConfigDict(extra="forbid")

    batch_size: Annotated[int, Field(ge=1, le=8)] = 1
    share: Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)] = 0.5
    name: Annotated[str, Field(min_length=1), form("[a-z]+", "of small letters")] = "a"
    engine: Literal["aot", "eager"] = "aot"
    twins: bool = True
    limits: Inner = Inner()
    splits: Annotated[tuple[str, ...], Field(min_length=1)] = ("test",)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"batch_size": 0}, "batch_size = 0: it must be 1 or more"),
        ({"batch_size": 9}, "batch_size = 9: it must be 8 or less"),
        ({"batch_size": "x"}, "batch_size = 'x': it must be a whole number"),
        ({"batch_size": 1.5}, "batch_size = 1.5: it must be a whole number"),
        ({"share": 0}, "share = 0: it must be above 0"),
        ({"share": 1.0}, "share = 1.0: it must be below 1"),
        ({"share": float("nan")}, "share = nan: it must be a finite number"),
        ({"share": "much"}, "share = 'much': it must be a number"),
        ({"name": "A/b"}, "name = 'A/b': it must be of small letters"),
        ({"name": "a\n"}, "name = 'a\\n': it must be of small letters"),
        ({"name": ""}, "name = '': it must have 1 characters or more"),
        ({"name": 3}, "name = 3: it must be text"),
        ({"engine": "rocket"}, "engine = 'rocket': it must be 'aot' or 'eager'"),
        ({"twins": "perhaps"}, "twins = 'perhaps': it must be true or false"),
        ({"limits": "none"}, "limits = 'none': it must be a mapping of names to values"),
        ({"limits": {"max_bytes": 0}}, "limits.max_bytes = 0: it must be 1 or more"),
        ({"splits": ()}, "splits = (): it must have 1 values or more"),
        ({"batchsize": 4}, "batchsize is no setting; did you mean batch_size?"),
        ({"limits": {"max_byte": 4}}, "limits.max_byte is no setting; did you mean max_bytes?"),
        ({"limits": {"zzz": 4}}, "limits.zzz is no setting; there are max_bytes"),
        ({"batch_size": 0, "share": 2}, "batch_size = 0: it must be 1 or more; share = 2: it must be below 1"),
    ],
)
def test_the_sentence(values: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Outer.model_validate(values)
    assert problems(refused.value, Outer) == said


def test_what_is_missing() -> None:
    class Needed(BaseModel):
        name: str

    with pytest.raises(ValidationError) as refused:
        Needed.model_validate({})
    assert problems(refused.value) == "name is missing"


def test_no_setting_tells_a_regular_expression() -> None:
    for file in (Path(groupnl.__file__).parent).rglob("*.py"):
        assert "pattern=" not in file.read_text(encoding="utf-8"), f"{file}: say it in words (groupnl.base.texts)"
