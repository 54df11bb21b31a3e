"""How many files and connections this process may have open."""

import resource
from contextlib import suppress


def raise_limit() -> None:
    """Allow as many as the system lets this process have, where it can tell."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # macOS says "no limit" and takes none
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
