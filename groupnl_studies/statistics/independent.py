"""Each pair is another image's: what the test that may be looked at any time takes for granted."""

from collections.abc import Iterator

import numpy as np

from groupnl.base.progress import progress
from groupnl.robustness.statistics import ALPHA
from groupnl_studies.statistics.finding import Finding, share_of
from groupnl_studies.statistics.paths import ever_decides
from groupnl_studies.statistics.stream import Stream

_PAIRS = 20_000
_DISCORDANCES = (0.02, 0.1, 0.266, 0.5)


def _simulate(runs: int, rng: np.random.Generator) -> Iterator[Finding]:
    for discordance in _DISCORDANCES:
        case = f"{_PAIRS} pairs, {discordance:g} of them informative"
        shares = (discordance / 2, 1 - discordance, discordance / 2)
        paths = progress(range(runs), unit="runs", title=case, stays=False)
        false = sum(ever_decides(rng.choice(np.array([-1, 0, 1], np.int8), _PAIRS, p=shares)) for _ in paths)
        yield share_of(case, "false verdicts, a look after each pair", false, runs, at_most=ALPHA)


STREAM = Stream("independent", "two models that hold alike, each pair another image's", 2000, _simulate)
