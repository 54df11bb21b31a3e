"""Names of tensors: which only count, and how a list of them is told."""

from collections.abc import Iterable

STEPS = "num_batches_tracked"
"""What batch norms count."""
# What only counts, the steps of training or a network's operations (thop); files may lack or have it.
_COUNTERS = (STEPS, "n_averaged", "total_ops", "total_params")
# So many names are shown of a longer list.
_SHOWN = 5


def is_counter(name: str) -> bool:
    """Whether a tensor only counts, the steps of training or operations: no answer depends on it."""
    return name.rpartition(".")[2] in _COUNTERS


def some(names: Iterable[object]) -> str:
    """The first of the names, and how many more there are."""
    listed = [str(name) for name in names]
    more = f", ... {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
    return ", ".join(listed[:_SHOWN]) + more
