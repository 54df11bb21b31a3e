"""Names of architectures: timm's, and ours among them."""

import timm

from groupnl.errors import CheckpointError
from groupnl.models.registry import VARIANTS


def refuse_unknown(architecture: str) -> None:
    """Refuse a name that no network is built of.

    Raises:
        CheckpointError: it is none of timm's.
    """
    if not timm.is_model(architecture):
        raise CheckpointError(
            f"architecture {architecture!r} is unknown to timm: give one of its names with --architecture, or one of "
            f"{', '.join(VARIANTS)}"
        )
