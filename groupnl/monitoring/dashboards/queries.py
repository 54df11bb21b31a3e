"""The chosen model, reference and window in queries, and what dashboards ask in more than one place."""

from groupnl.metrics import Family
from groupnl.monitoring.promql import IS_CLEAN, IS_CORRUPTED, counted

# Grafana puts the chosen values in place of these.
MODEL = 'model="$model"'
PAIR = 'model="$model", reference="$reference"'
REFERENCE = 'model="$reference"'
CORRUPTED = f"{MODEL}, {IS_CORRUPTED}"
CLEAN = f"{MODEL}, {IS_CLEAN}"
WINDOW = "$window"
RATE_WINDOW = "$__rate_interval"


def recorded(name: str, where: str = MODEL, by: str = "") -> str:
    """A recorded figure of the chosen model; with `by`, with no other label than that."""
    return f"max by ({by}) ({name}{{{where}}})" if by else f"{name}{{{where}}}"


def in_window(family: Family, by: str) -> str:
    """What the chosen model counted in the chosen window."""
    return counted(family, by, WINDOW, MODEL)
