"""Texts of a form, as the fields of configurations and records have them, and words beside a count."""

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


def counted(count: int, one: str) -> str:
    """A count of something, in the singular or the plural.

    Args:
        count: how many.
        one: a word or more; after an s the plural ends in es, else in s.
    """
    more = f"{one}es" if one.endswith("s") else f"{one}s"
    return f"{count} {one if count == 1 else more}"
