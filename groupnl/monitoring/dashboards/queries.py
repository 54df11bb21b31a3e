"""The chosen models, replicas and window in queries, and what dashboards ask in more than one place."""

from groupnl.metrics import Family
from groupnl.monitoring.promql import IS_CORRUPTED, counted

# Grafana puts the chosen values in place of these. Of `$model` and `$instance` there may be several; `$watched` is one
# model, that of the row: such rows are repeated for each chosen model that has shadows.
MODELS = 'model=~"$model"'
INSTANCES = 'instance=~"$instance"'
CHOSEN = f"{MODELS}, {INSTANCES}"
WATCHED = 'model=~"$watched"'
CORRUPTED = f"{WATCHED}, {IS_CORRUPTED}"
WINDOW = "$window"
RATE_WINDOW = "$__rate_interval"


def recorded(name: str, where: str = WATCHED, by: str = "") -> str:
    """A recorded figure of the row's model; with `by`, with no other label than that."""
    return f"max by ({by}) ({name}{{{where}}})" if by else f"{name}{{{where}}}"


def in_window(family: Family, by: str, where: str = WATCHED) -> str:
    """What the row's model counted in the chosen window."""
    return counted(family, by, WINDOW, where)


def per_second(family: Family, by: str = "model") -> str:
    """What the chosen models count per second, at the chosen replicas."""
    return f"sum by ({by}) (rate({family.name}{{{CHOSEN}}}[{RATE_WINDOW}]))"


def right_now(family: Family, by: str = "model") -> str:
    """A gauge of the chosen models, summed over the chosen replicas."""
    return f"sum by ({by}) ({family.name}{{{CHOSEN}}})"
