"""docs/pack.md: the settings that it lists."""

import re
from pathlib import Path

import yaml

from groupnl.archive.handler_config import HandlerConfig

PAGE = Path(__file__).parents[2] / "docs" / "pack.md"


def test_the_page_lists_every_setting_with_its_default() -> None:
    (block,) = re.findall(r"^```yaml\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    alternatives = dict(re.findall(r"^(\w+): auto +# (.+)$", block, re.MULTILINE))

    assert yaml.safe_load(block) == HandlerConfig().model_dump(mode="json")
    for field, names in alternatives.items():
        for name in names.split(", "):
            assert HandlerConfig.model_validate({field: name})
