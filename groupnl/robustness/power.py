"""How much traffic the twin test needs to decide, by the difference that there is.

One table for pages and dashboards. `groupnl study statistics --only power` computes it, and says where it is no longer
what the test needs.
"""

from typing import NamedTuple

# Of the pairs of the default models, the share whose answer only one of the two kept (docs/live-vs-offline.md).
DISCORDANCE = 0.266


class Needed(NamedTuple):
    """What decides for a difference of so much, with a look after every pair.

    Attributes:
        difference: of the two models' agreement, 0 to 1.
        informative: images that only one of the two kept, by which half of all comparisons are decided.
        informative_surely: by which nine in ten are.
    """

    difference: float
    informative: int
    informative_surely: int

    @property
    def pairs(self) -> int:
        """Images that both answered, for half of the comparisons; about."""
        return _about(self.informative / DISCORDANCE)

    @property
    def pairs_surely(self) -> int:
        """Images that both answered, for nine in ten; about."""
        return _about(self.informative_surely / DISCORDANCE)

    def requests(self, share: float) -> int:
        """Requests, for half of the comparisons; about.

        Args:
            share: of the requests that are answered a second time, above 0 to 1.
        """
        return _about(self.informative / DISCORDANCE / share)


def _about(count: float) -> int:
    """Two digits of it: how many are informative is another share in each service."""
    return int(float(f"{count:.1e}"))


NEEDED = (Needed(0.10, 99, 150), Needed(0.05, 261, 480), Needed(0.03, 599, 1_273), Needed(0.01, 5_286, 12_567))
