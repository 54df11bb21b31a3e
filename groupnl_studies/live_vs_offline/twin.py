"""The live comparison of a model with its twin against the offline difference of the two."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from groupnl.corruptions.names import NAMES
from groupnl.metrics import BOTH_FLIP, MODEL_ONLY, REFERENCE_ONLY
from groupnl.robustness.record import RobustnessRecord
from groupnl.robustness.statistics import Verdict, paired_verdict, relative_flips

ALL = "all"


class TwinRow(NamedTuple):
    """Model against twin under one corruption, or under all.

    Attributes:
        corruption: its name, or `ALL`.
        pairs: images that both answered.
        model_only: of them, where only the model kept its best class.
        reference_only: where only the twin did.
        offline: difference of the agreements, model minus twin, on all held-back images.
    """

    corruption: str
    pairs: int
    model_only: int
    reference_only: int
    offline: float

    @property
    def live(self) -> float:
        """The live difference of the agreements, model minus twin."""
        return (self.model_only - self.reference_only) / self.pairs

    @property
    def verdict(self) -> Verdict:
        """Of the always-valid test at 5 %."""
        return paired_verdict(self.model_only, self.reference_only)


def twin_rows(
    outcomes: Mapping[str, Mapping[str, int]], model: RobustnessRecord, twin: RobustnessRecord
) -> list[TwinRow]:
    """One row for each corruption that has pairs, and one for all.

    Args:
        outcomes: corruption -> outcome -> pairs.
        model: the model's record.
        twin: its twin's, on the same images.
    """
    ours, theirs = model.agreement(), twin.agreement()
    rows = [
        TwinRow(
            name,
            sum(outcomes[name].values()),
            outcomes[name][MODEL_ONLY],
            outcomes[name][REFERENCE_ONLY],
            ours[name] - theirs[name],
        )
        for name in NAMES
        if sum(outcomes.get(name, {}).values())
    ]
    pairs, model_only, reference_only = (sum(column) for column in zip(*(row[1:4] for row in rows), strict=True))
    mean = sum(row.offline for row in rows) / len(rows)
    return [*rows, TwinRow(ALL, pairs, model_only, reference_only, mean)]


def twin_table(rows: Sequence[TwinRow]) -> str:
    """Markdown: one line for each row."""
    lines = [
        "| corruption | pairs | only model holds | only twin holds | live difference | offline | live verdict |",
        "|---|---|---|---|---|---|---|",
    ]
    lines.extend(
        f"| {row.corruption} | {row.pairs} | {row.model_only} | {row.reference_only} "
        f"| {row.live:+.3f} | {row.offline:+.3f} | {row.verdict} |"
        for row in rows
    )
    return "\n".join(lines)


def relative_line(outcomes: Mapping[str, Mapping[str, int]], model: RobustnessRecord, twin: RobustnessRecord) -> str:
    """The model's flips relative to the twin's, live and offline, in a sentence.

    Args:
        outcomes: see `twin_rows`.
        model: see `twin_rows`.
        twin: see `twin_rows`.
    """
    live = relative_flips(
        *(sum(counts[outcome] for counts in outcomes.values()) for outcome in (MODEL_ONLY, REFERENCE_ONLY, BOTH_FLIP))
    )
    flips, base = (
        sum(figures.flips for figures in record.cells if figures.corruption in outcomes) / record.images
        for record in (model, twin)
    )
    if live is None or base == 0:
        return "Relative flips: the twin never flipped."
    return (
        f"Flips relative to the twin's, below 1 the model holds better: live {live.value:.3f} "
        f"(95 % interval {live.low:.3f} to {live.high:.3f}), offline {flips / base:.3f}."
    )
