"""What one cell found: a JSON file of its own, so that cells can be trained in any order, and on several machines."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from groupnl.base.atomic_file import write_whole
from groupnl.base.numbers import Count
from groupnl.base.problems import problems
from groupnl.corruptions import CELLS
from groupnl.errors import ConfigError
from groupnl_studies.grid.cells import StudyCell
from groupnl_studies.grid.design import Design
from groupnl_studies.grid.families import FAMILIES, count_cells
from groupnl_studies.grid.prepared import PreparedRecord, chosen_positions
from groupnl_studies.grid.recipe import Recipe
from groupnl_studies.harness.fit import LayerFit

FOLDER = "cells"
Answers = Annotated[str, Field(pattern=r"^[01]+$")]


class Result(BaseModel):
    """One trained network, measured.

    Attributes:
        data: of the cell, as are the next three.
        network: see `StudyCell`.
        kind: see `StudyCell`.
        seed: see `StudyCell`.
        training: see `StudyCell`.
        recipe: how it was trained.
        images: what it was trained on and asked.
        losses: mean training loss of each epoch.
        clean: test split -> for each image "1" where its class was named first, "0" where not.
        right_by_cell: images answered rightly in each of the 95 cells, in the order of `groupnl.corruptions.CELLS`.
        right_by_image: cells in which each corrupted image was answered rightly.
        right_by_family: family of corruptions -> in how many of its cells; empty in older results.
        fits: how straight its GroupNL layers' functions are, on some clean test images; empty without such layers.
        seconds: training and measuring took so long.
        threads: computed it.
        versions: package -> version.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    data: str
    network: str
    kind: str
    seed: Count
    training: str | None = None
    recipe: Recipe
    images: PreparedRecord
    losses: tuple[float, ...]
    clean: dict[str, Answers]
    right_by_cell: Annotated[tuple[Count, ...], Field(min_length=len(CELLS), max_length=len(CELLS))]
    right_by_image: Annotated[tuple[Count, ...], Field(min_length=1)]
    right_by_family: dict[str, tuple[Count, ...]] = {}
    fits: tuple[LayerFit, ...] = ()
    seconds: Annotated[float, Field(gt=0)]
    threads: Annotated[int, Field(ge=1)]
    versions: dict[str, str]

    @model_validator(mode="after")
    def _both_counts_agree(self) -> Self:
        if sum(self.right_by_cell) != sum(self.right_by_image):
            raise ValueError(
                f"{sum(self.right_by_cell)} right answers were counted by cell, {sum(self.right_by_image)} by image"
            )
        return self

    @model_validator(mode="after")
    def _families_are_whole(self) -> Self:
        if not self.right_by_family:
            return self
        if set(self.right_by_family) != set(FAMILIES):
            raise ValueError(f"the families are {', '.join(self.right_by_family)}, not {', '.join(FAMILIES)}")
        if any(len(counts) != len(self.right_by_image) for counts in self.right_by_family.values()):
            raise ValueError("a family has other images than all corruptions together")
        if tuple(map(sum, zip(*self.right_by_family.values(), strict=True))) != self.right_by_image:
            raise ValueError("right answers by family are not those by image")
        return self

    @property
    def cell(self) -> StudyCell:
        """Which cell it is of."""
        return StudyCell(self.data, self.network, self.kind, self.seed, self.training)

    def clean_right(self, split: str | None = None) -> np.ndarray:
        """For each image of a test split, or of all, 1.0 or 0.0; float64 (N,)."""
        answers = "".join(self.clean.values()) if split is None else self.clean[split]
        return np.array([float(answer) for answer in answers])

    def corrupted_right(self) -> np.ndarray:
        """For each corrupted image the share of the 95 cells answered rightly; float64 (M,)."""
        return np.array(self.right_by_image) / len(CELLS)

    def right_in(self, *families: str) -> np.ndarray:
        """For each corrupted image the share of these families' cells answered rightly; float64 (M,)."""
        counts = np.array([self.right_by_family[family] for family in families])
        share: np.ndarray = counts.sum(axis=0) / count_cells(families)
        return share

    def kept(self) -> float:
        """Mean corruption accuracy over the accuracy on the same images before they were corrupted."""
        chosen = chosen_positions({split: len(answers) for split, answers in self.clean.items()}, self.images.plan)
        clean = [self.clean[split][position] == "1" for split, where in chosen.items() for position in where.tolist()]
        return float(self.corrupted_right().mean() / np.mean(clean))

    def accuracy_by_cell(self) -> np.ndarray:
        """The accuracy in each of the 95 cells; float64 (95,)."""
        return np.array(self.right_by_cell) / len(self.right_by_image)


def result_path(out: Path, cell: StudyCell) -> Path:
    """Where a cell's result lies."""
    return out / FOLDER / f"{cell.name}.json"


def write_result(out: Path, result: Result) -> None:
    """Write it so that a kill at any moment leaves a whole file or none."""
    write_whole(result_path(out, result.cell), result.model_dump_json() + "\n")


def read_results(out: Path, design: Design) -> list[Result]:
    """All results of a study, by data set, network, convolution, training and seed.

    Args:
        out: folder of the study.
        design: what it trains.

    Raises:
        ConfigError: one cannot be used, is of another study, was trained with another recipe than the rest of its
            network, or on other images than the rest of its data set.
    """
    results = [_read(path, design) for path in sorted((out / FOLDER).rglob("*.json"))]
    _refuse_mixed(results, out)
    return results


def some_results(out: Path, design: Design) -> list[Result]:
    """As `read_results`, but at least one.

    Raises:
        ConfigError: there is none yet; or see `read_results`.
    """
    if results := read_results(out, design):
        return results
    missing = "has no results yet" if out.is_dir() else "does not exist"
    raise ConfigError(
        f"{out} {missing}: train some cells first (`groupnl study {design.name} --out {out}`, without --report and "
        "--speed)"
    )


def _read(path: Path, design: Design) -> Result:
    try:
        result = Result.model_validate_json(path.read_text(encoding="utf-8"))
    except ValidationError as error:
        raise ConfigError(f"{path} is no result of this study: {problems(error)}; remove it") from error
    if not design.has(result.data, result.network, result.kind, result.training):
        raise ConfigError(f"{path} is no result of this study, but of the cell {result.cell.name}: remove it")
    if design.compares_trainings and not result.right_by_family:
        raise ConfigError(f"{path} does not say how each family of corruptions was answered: train the cell again")
    return result


def _refuse_mixed(results: Sequence[Result], out: Path) -> None:
    first: dict[tuple[str, ...], Result] = {}
    for result in results:
        for field, group in (("recipe", (result.data, result.network)), ("images", (result.data,))):
            like = first.setdefault(group, result)
            if getattr(result, field) != getattr(like, field):
                raise ConfigError(
                    f"{result_path(out, result.cell)} was trained with another recipe or on other images than "
                    f"{result_path(out, like.cell)}: they cannot be compared, remove one"
                )
