"""Texts of a form, as the fields of configurations and records have them: what has another is refused in words."""

import re

from pydantic import AfterValidator


def form(pattern: str, words: str) -> AfterValidator:
    """What a text must be like.

    Args:
        pattern: regular expression of the whole text.
        words: the same for people, after "it must be".
    """
    whole = re.compile(pattern)

    def check(text: str) -> str:
        if not whole.fullmatch(text):
            raise ValueError(f"it must be {words}")
        return text

    return AfterValidator(check)
