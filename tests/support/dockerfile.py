"""The Dockerfile, as far as it says what a container of the image needs."""

import json
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
TEXT = re.sub(r"\\\n\s*", "", (ROOT / "Dockerfile").read_text(encoding="utf-8"))
LAST_STAGE = TEXT[TEXT.rindex("\nFROM ") :]


def instruction(name: str) -> str:
    """What follows an instruction that the last stage has once."""
    (found,) = re.findall(rf"^{name} (.*)$", LAST_STAGE, re.MULTILINE)
    return str(found)


def words(name: str) -> list[str]:
    """The same of an instruction that ends with a list of words."""
    text = instruction(name)
    return [str(word) for word in json.loads(text[text.index("[") :])]


def copied() -> dict[str, str]:
    """What the last stage copies from the repository, and whereto."""
    return dict(re.findall(r"^COPY (?!--from)(\S+) (\S+)$", LAST_STAGE, re.MULTILINE))
