"""Archives as an operator names them: which models are served, and which are compared with one of these."""

from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator

from groupnl.archive.manifest import name_problem


def _check_name(name: str, whose: str, form: str) -> None:
    if "://" in name:
        raise ValueError(f"an address needs {whose} name before it: write {form}=URL#sha256=HEX")
    if problem := name_problem(name):
        raise ValueError(problem)


def _served(item: str) -> str:
    name, equals, file = item.partition("=")
    _check_name(name, "a", "NAME")
    if equals and not file:
        raise ValueError(f"it names no file: write {name}, or {name}=FILE.mar")
    return item


def _named_once(items: tuple[str, ...]) -> tuple[str, ...]:
    names = [item.partition("=")[0] for item in items]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise ValueError(f"the model name {twice!r} stands twice; each model needs a name of its own")
    return items


def _candidate(item: str) -> str:
    model, _, file = item.partition("=")
    _check_name(model, "its model's", "MODEL")
    if not file:
        raise ValueError(f"it names no file: write {model}=FILE.mar")
    if problem := name_problem(Path(urlsplit(file).path if "://" in file else file).stem):
        raise ValueError(f"the candidate is called as its file: {problem}; rename the file")
    return item


Models = Annotated[tuple[Annotated[str, AfterValidator(_served)], ...], AfterValidator(_named_once)]
"""``NAME`` (NAME.mar in the model store), ``NAME=PATH.mar`` or ``NAME=URL#sha256=HEX``."""

Candidates = Annotated[tuple[Annotated[str, AfterValidator(_candidate)], ...], AfterValidator(_named_once)]
"""``MODEL=FILE.mar`` or ``MODEL=URL#sha256=HEX``."""
