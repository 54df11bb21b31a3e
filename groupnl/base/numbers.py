"""Numbers with bounds, as the fields of configurations and records have them."""

from typing import Annotated

from pydantic import Field

from groupnl.base.texts import form

Count = Annotated[int, Field(ge=0)]
"""How many of something there were."""
Positive = Annotated[int, Field(ge=1)]
"""How many of something there are to be: 1 or more."""
Share = Annotated[float, Field(ge=0, le=1)]
"""A part of a whole."""
PositiveShare = Annotated[float, Field(gt=0, le=1)]
"""A part of a whole that is not nothing."""
Sha256 = Annotated[str, form(r"[0-9a-f]{64}", "a SHA-256: 64 hexadecimal digits in small letters")]
"""A SHA-256, hexadecimal."""
