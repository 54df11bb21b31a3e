"""The `shadow:` part of an archive's handler section: which live images are answered again, and at what cost."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from groupnl.base.numbers import Count, Positive, PositiveShare, Share
from groupnl.corruptions.names import NAMES, Cell
from groupnl.robustness.recent_answers import ANSWERS_REMEMBERED

Severity = Literal[1, 2, 3, 4, 5]


class ShadowConfig(BaseModel):
    """Configuration of the shadow requests of one model.

    Attributes:
        share: of the live images that are answered again, 0 to 1; chosen by a hash of the request's key.
        corruptions: which of the 19; each image meets one of them.
        severities: which of 1 to 5.
        queue_length: chosen images that may wait; further ones are dropped.
        max_lag_s: an image that has waited longer is dropped, seconds.
        batch_size: most images that are answered again together.
        time_share: most of the time that is spent on shadows, above 0 to 1.
        probe_time_share: the same for the replay of the probe set, while no image waits; 0: no replay.
        threads: of the shadow process, on a CPU.
        niceness: of the shadow process, 0 to 19; None: it runs only when nothing else of the machine wants to.
        twin: model that answers the same corrupted pixels; None: no comparison.
        twin_dir: the twin's unpacked archive; `groupnl serve` fills it in.
        candidate: name of an archive that answers the same images, to be compared before it is served; None: none.
        candidate_dir: that archive, unpacked; `groupnl serve` fills in both.
        remembered: so many images that came lately are not chosen when they come again; 0: they are.
        remembered_similar: the same of images that look like them; 0: those are chosen.
        answers_remembered: so many live answers are known when their labels come later; 0: none. Also without shadows.
        seed: of the corruptions' random numbers, beside the request's key.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    share: Share = 0.1
    corruptions: Annotated[tuple[str, ...], Field(min_length=1)] = NAMES
    severities: Annotated[tuple[Severity, ...], Field(min_length=1)] = (1, 2, 3, 4, 5)
    queue_length: Positive = 64
    max_lag_s: Annotated[float, Field(gt=0)] = 60.0
    batch_size: Positive = 8
    time_share: PositiveShare = 0.5
    probe_time_share: Share = 0.1
    threads: Positive = 1
    niceness: Annotated[int, Field(ge=0, le=19)] | None = None
    twin: str | None = None
    twin_dir: Path | None = None
    candidate: str | None = None
    candidate_dir: Path | None = None
    remembered: Count = 2**19
    remembered_similar: Count = 4096
    answers_remembered: Count = ANSWERS_REMEMBERED
    seed: int = 0

    @field_validator("corruptions")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := [name for name in names if name not in NAMES]:
            raise ValueError(f"{unknown[0]!r} is no corruption; choose from {', '.join(NAMES)}")
        return names

    def cells(self) -> tuple[Cell, ...]:
        """Every chosen corruption at every chosen severity."""
        return tuple(Cell(name, severity) for name in self.corruptions for severity in self.severities)
