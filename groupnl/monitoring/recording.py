"""The names of what Prometheus records, and the constants that rules, alerts and dashboards share.

Each figure is named once, by a function, so that alerts and dashboards cannot ask for a name that nobody records.
"""

from typing import Literal

from groupnl.monitoring.promql import SINCE_START
from groupnl.traffic.drift import WINDOWS

MODEL = "model"
CORRUPTION = "model, corruption"
CELL = "model, corruption, severity"
TWIN = "model, reference"
TWIN_CORRUPTION = "model, reference, corruption"
LOOKS = "model, looks"
FIGURE = "model, figure"
STATISTIC = "model, statistic"
CLASS = "model, class"
CANDIDATE = "model, candidate"
CANDIDATE_CORRUPTION = "model, candidate, corruption"

# Long enough for some hundred pairs of each corruption at a few requests per second and a share of 10 %.
RECENT = "6h"
DAY = "1d"
WEEK = "7d"
SPANS = (RECENT, SINCE_START)
# Spans that reach far back are costly, and change slowly: they are computed at this interval. It is below Prometheus'
# five minutes, after which a figure is no longer found.
LONG_SPANS = (DAY, WEEK)
LONG_INTERVAL = "4m"
# Over which a model's agreement is compared with what is expected of it.
LEVEL_SPANS = (RECENT, *LONG_SPANS)
# In which the traffic is judged: one of them holds some hundred images that were looked at, whatever the rate.
TRAFFIC_SPANS = WINDOWS
SHORT_TRAFFIC_SPANS = tuple(span for span in TRAFFIC_SPANS if span not in LONG_SPANS)
LONG_TRAFFIC_SPANS = tuple(span for span in TRAFFIC_SPANS if span in LONG_SPANS)

# The service's objectives.
AVAILABLE_SHARE = 0.999
FAST_SHARE = 0.99
FAST_SECONDS = 1.0  # a bound of the buckets of groupnl_request_seconds and groupnl_stage_seconds
BURN_WINDOWS = ("5m", "30m", "1h", "2h", "6h")
LONG_BURN_WINDOWS = ("1d", "3d")  # computed as seldom as `LONG_SPANS`
REFUSED_WINDOWS = ("30m", "6h")
DROP_WINDOW = "15m"
# A service of a thousand requests a day has some images sampled in the second.
SHADOW_WINDOWS = (DROP_WINDOW, RECENT)

# Live traffic is not the held-back set, whose figure has an error of its own: smaller differences are no news.
AGREEMENT_MARGIN = 0.05
ACCURACY_MARGIN = 0.05

# What live agreement is compared with: that of held-back images before packing, or the service's own of a week ago.
Baseline = Literal["offline", "own"]


def named(labels: str, figure: str, span: str = SINCE_START) -> str:
    """The name of a recorded figure: ``model_corruption:agreement:6h``, or ``...:start``."""
    return f"{labels.replace(', ', '_')}:groupnl_{figure}:{span or 'start'}"
