"""How many images there is time for: what a pair takes here, how many may wait for it, and which share is chosen.

Where all hours choose alike but only quiet ones have time to answer, pairs are of quiet hours, and what they say is not
true of the traffic. So the share is lowered when there was no room for an image, and rises again slowly: over a day it
stays near what the busiest hour has time for, and pairs are an even sample: `groupnl study statistics --only load`.
"""

import math

from groupnl.archive.shadow_config import ShadowConfig

_LOWERED = 0.7  # times as many are chosen, once for all images that find no room while one grows too old
_DOUBLES_S = 4 * 3600.0  # in which the share doubles
_WEIGHT = 0.2  # of the last batch in what a pair takes
_BATCHES = 4  # at least, of which one follows the other until an image is too old


class Pace:
    """Of one worker's shadows. Times are of a monotonic clock, seconds.

    Args:
        config: the share that is wanted, and what may wait, how long, and together.
    """

    def __init__(self, config: ShadowConfig) -> None:
        self._config = config
        self._pair_s = 0.0  # of the shadow thread's time; 0: not known yet
        self._share = config.share
        self._since = -math.inf  # when it was so
        self._lowered = -math.inf

    @property
    def room(self) -> int:
        """How many images may wait: as many as are answered before they are too old."""
        return self._within(self._config.queue_length, self._config.max_lag_s)

    @property
    def batch_size(self) -> int:
        """How many images are to be answered together."""
        return self._within(self._config.batch_size, self._config.max_lag_s / _BATCHES)

    def share(self, now: float) -> float:
        """The share of the live images that is chosen, 0 to 1."""
        grown = math.exp2(min((now - self._since) / _DOUBLES_S, 1000.0))
        return min(self._config.share, self._share * grown)

    def answered(self, images: int, seconds: float) -> None:
        """So many images took this long together, with the rest that followed."""
        pair_s = seconds / images
        self._pair_s = pair_s if self._pair_s == 0 else (1 - _WEIGHT) * self._pair_s + _WEIGHT * pair_s

    def found_no_room(self, now: float) -> None:
        """An image could not wait, or waited too long: fewer are to be chosen, unless nothing was answered yet."""
        if self._pair_s > 0 and now - self._lowered >= self._config.max_lag_s:
            self._share, self._since, self._lowered = _LOWERED * self.share(now), now, now

    def _within(self, most: int, seconds: float) -> int:
        """As many pairs as take so long; at least one, at most `most`."""
        if most * self._pair_s <= seconds:
            return most
        return max(1, int(seconds / self._pair_s))
