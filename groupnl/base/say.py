"""Lines for people: whoever starts a command says where they go."""

from collections.abc import Callable

Say = Callable[[str], None]
