"""How much memory there is."""

import psutil


def free_bytes() -> int:
    """What processes can have before others must give something back, bytes."""
    return int(psutil.virtual_memory().available)
