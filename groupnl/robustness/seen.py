"""Which images came lately, so that an image that comes again is no second piece of evidence.

Intervals and the paired test take pairs for independent. Two pairs of one image, or of two frames of a video, are not:
where each image came ten times, half of all comparisons of equal models ended in a verdict. So what was seen lately is
not chosen again. It is known by its pixels: from a client's key nobody could tell.

The memory is bounded, and forgets what has not come for longest. It lies in a file that all workers of a model share
and that outlives each of them. Nobody waits for anybody: there are no locks, and when two workers write the same place
at the same moment, an image is forgotten.
"""

from pathlib import Path
from typing import Literal

import numpy as np

from groupnl.robustness.fingerprint import ALIKE, WORDS, Fingerprint
from groupnl.robustness.mapped_file import mapped

Kind = Literal["same", "similar"]
_WORD = 8  # bytes
_WAYS = 8  # images that share a place; 64 bytes, which a processor reads at once
_FILLED = 4  # of them by the images that are promised: some places get more than others


class Seen:
    """The images of one model that were seen lately.

    Args:
        same: so many are known again when the very same pixels come, 19 of 20 of them; of half as many all but one in a
            thousand. 16 bytes each; 0: none.
        similar: so many are known again by what they look like; 0: none.
        file: of the memory, made if missing; memories of other sizes have other files. None: this process's alone.

    Raises:
        OSError: the file cannot be made.
    """

    def __init__(self, same: int, similar: int, file: Path | None = None) -> None:
        self._places = -(-same // _FILLED)
        exact = self._places * _WAYS
        memory = mapped(file, max(exact + similar * (WORDS + 1), 1) * _WORD)
        self._exact = memoryview(memory).cast("Q")[:exact]
        coarse = np.frombuffer(memory, np.uint64, similar * (WORDS + 1), exact * _WORD).reshape(WORDS + 1, similar)
        # In which order they came last; 0: a free place. No times: a clock that is set back would make all that is
        # remembered newer than what comes.
        self._coarse, self._last_seen = coarse[:WORDS], coarse[WORDS]

    def look(self, image: Fingerprint) -> Kind | None:
        """Whether an image was seen lately, and in which way; from now on it was."""
        if self._places and self._is_the_same(image.exact):
            return "same"
        if self._last_seen.size and self._is_similar(image):
            return "similar"
        return None

    def _is_the_same(self, exact: int) -> bool:
        first = exact % self._places * _WAYS
        place = self._exact[first : first + _WAYS]  # those that have come last, first
        known = place.tolist()
        found = exact in known
        last = known.index(exact) if found else _WAYS - 1
        for way, moved in enumerate([exact, *known[:last]]):
            place[way] = moved
        return found

    def _is_similar(self, image: Fingerprint) -> bool:
        differing = np.bitwise_count(self._coarse ^ image.coarse[:, None]).sum(axis=0, dtype=np.uint8)
        differing[self._last_seen == 0] = np.iinfo(np.uint8).max
        nearest = int(differing.argmin())
        found = bool(differing[nearest] <= ALIKE)
        if not found:  # the image that was chosen stays: a scene that changes slowly is not the same for ever
            nearest = int(self._last_seen.argmin())
            self._coarse[:, nearest] = image.coarse
        self._last_seen[nearest] = self._last_seen.max() + 1
        return found
