"""What a process that counts, and the one that hands out, say to each other; pickled, on a connection of their own."""

from typing import NamedTuple


class Wish(NamedTuple):
    """Another piece, please; the answer is one, or None.

    Attributes:
        patient: it can wait until there is one. Else "none now" is wanted at once: then what was read ahead is counted.
    """

    patient: bool


class Answered(NamedTuple):
    """How far it is.

    Attributes:
        images: answered since the last message.
    """

    images: int


class Found(NamedTuple):
    """A piece is counted; they come in the order in which they were given.

    Attributes:
        what: was found in it.
    """

    what: object


class Failed(NamedTuple):
    """A piece, or the job, that nobody can do.

    Attributes:
        reason: a sentence.
    """

    reason: str
