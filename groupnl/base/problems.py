"""What a pydantic model refused, in our words: field, value, what is wrong and what would be right."""

import difflib
from collections.abc import Iterable, Sequence
from typing import Any

from groupnl.base.addresses import without_secrets

# The kinds of pydantic's errors -> how we say it; the names in braces are those of the error's context.
_PHRASES = {
    "greater_than_equal": "it must be {ge:.12g} or more",
    "greater_than": "it must be above {gt:.12g}",
    "less_than_equal": "it must be {le:.12g} or less",
    "less_than": "it must be below {lt:.12g}",
    "finite_number": "it must be a finite number",
    "int_parsing": "it must be a whole number",
    "int_type": "it must be a whole number",
    "int_from_float": "it must be a whole number",
    "float_parsing": "it must be a number",
    "float_type": "it must be a number",
    "bool_parsing": "it must be true or false",
    "bool_type": "it must be true or false",
    "string_type": "it must be text",
    "string_too_short": "it must have {min_length} characters or more",
    "string_too_long": "it must have {max_length} characters or fewer",
    "too_short": "it must have {min_length} values or more",
    "too_long": "it must have {max_length} values or fewer",
    "literal_error": "it must be {expected}",
    "list_type": "it must be a list",
    "model_type": "it must be a mapping of names to values",
    "dict_type": "it must be a mapping of names to values",
}


def phrase(problem: Any) -> str:
    """What is wrong with one value.

    Args:
        problem: one of ``ValidationError.errors()``.
    """
    known = _PHRASES.get(problem["type"])
    if known is None:
        return str(problem["msg"].removeprefix("Value error, "))
    return known.format(**problem.get("ctx", {}))


def problems(error: Any, kind: Any = None) -> str:
    """All that is wrong, in one sentence, without the secrets of addresses.

    Args:
        error: the ValidationError.
        kind: the model that refused, where a name that it does not have is to be told beside those that it has.
    """
    return without_secrets("; ".join(_sentence(problem, kind) for problem in error.errors()))


def nearest(name: str, known: Iterable[str]) -> str:
    """The end of a sentence that asks whether one of the known names was meant; empty where none is near."""
    near = difflib.get_close_matches(name, list(known))
    return f"; did you mean {' or '.join(near)}?" if near else ""


def _sentence(problem: Any, kind: Any) -> str:
    field = ".".join(map(str, problem["loc"]))
    if not field:
        return phrase(problem)
    if problem["type"] == "extra_forbidden":
        return f"{field} is no setting{_near(kind, problem['loc']) if kind else ''}"
    if problem["type"] == "missing":
        return f"{field} is missing"
    return f"{field} = {problem['input']!r}: {phrase(problem)}"


def _near(kind: Any, place: Sequence[Any]) -> str:
    *outer, name = place
    for inner in outer:
        kind = kind.model_fields[inner].annotation
    return nearest(str(name), kind.model_fields) or f"; there are {', '.join(kind.model_fields)}"
