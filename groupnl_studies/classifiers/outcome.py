"""What came of a case with an engine: a JSON file of its own, so that a study that was stopped goes on."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from groupnl.base.atomic_file import write_whole
from groupnl.base.problems import problems
from groupnl.errors import ConfigError
from groupnl.inference.engine_names import EngineName
from groupnl_studies.classifiers.case import Case

_MOST = 1e-3  # of the logits' size: what rounding makes of sums in another order
_MOST_LEVELS = 1.0  # of 255: what rounding makes of resized pixels

Error = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Errors(BaseModel):
    """How far answers are from timm's.

    Attributes:
        same: of the logits' size, for a picture that both see alike.
        resized: the largest for pictures that are resized, by timm and here alike but for rounding. Networks with
            random weights amplify that by much, so it tells of nothing wrong.
        levels: how far the pixels of those are apart, the largest mean; of 255.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    same: Error
    resized: Error
    levels: Error


class Outcome(BaseModel):
    """A case that was tried.

    Attributes:
        case: the network and its file.
        engine: that answered.
        errors: of its answers; None: there are none.
        refusal: why there are none.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    case: Case
    engine: EngineName
    errors: Errors | None = None
    refusal: str | None = None

    @property
    def is_right(self) -> bool:
        """Whether it answers as timm does."""
        return self.errors is not None and self.errors.same < _MOST and self.errors.levels < _MOST_LEVELS

    def in_a_cell(self) -> str:
        """Of a table."""
        if self.errors is None:
            return "refused"
        figures = f"{self.errors.same:.0e}, {self.errors.resized:.1%}"
        return figures if self.is_right else f"differs: {figures}, {self.errors.levels:.1f} levels"


def write_outcome(out: Path, outcome: Outcome) -> None:
    """Write it so that a kill at any moment leaves a whole file or none."""
    write_whole(_path(out, outcome.case, outcome.engine), outcome.model_dump_json() + "\n")


def read_outcome(out: Path, case: Case, engine: EngineName) -> Outcome | None:
    """What is known of a case; None: nothing yet.

    Raises:
        ConfigError: the file cannot be used.
    """
    path = _path(out, case, engine)
    if not path.is_file():
        return None
    try:
        return Outcome.model_validate_json(path.read_text(encoding="utf-8"))
    except ValidationError as error:
        raise ConfigError(f"{path} is no result of this study: {problems(error)}; remove it") from error


def table(outcomes: Sequence[Outcome], cases: Sequence[Case], engines: Sequence[EngineName]) -> str:
    """A line for each case of which something is known, a column for each engine; empty where it was not tried."""
    found = {(outcome.case, outcome.engine): outcome.in_a_cell() for outcome in outcomes}
    lines = [
        f"| architecture | classes | channels | pixels | file | {' | '.join(engines)} |",
        "|---" * (5 + len(engines)) + "|",
    ]
    for case in cases:
        cells = [found.get((case, engine), "") for engine in engines]
        if any(cells):
            facts = [f"`{case.architecture}`", str(case.classes), str(case.channels), str(case.size), case.form]
            lines.append(f"| {' | '.join([*facts, *cells])} |")
    return "\n".join(lines)


def _path(out: Path, case: Case, engine: EngineName) -> Path:
    return out / case.name / f"{engine}.json"
