"""Made-up results of the studies that train."""

from collections.abc import Mapping

import numpy as np

from groupnl.corruptions import CELLS
from groupnl_studies.grid.families import FAMILIES, cells_of
from groupnl_studies.grid.prepared import PreparedRecord
from groupnl_studies.grid.recipe import ImagePlan, Recipe
from groupnl_studies.grid.result import Result

PLAN = ImagePlan(train_images=64, corrupted_images=20)
RECIPE = Recipe(images=PLAN, epochs=1, batch_size=16)
RECORD = PreparedRecord(plan=PLAN, classes=5, tests=("test",), images_sha256="a", corrupted_sha256="b")


def result(kind: str = "standard", seed: int = 0, skill: float = 0.5, seconds: float = 60.0, **other: object) -> Result:
    """Of a network that answers so large a share rightly; as older releases wrote it, without families."""
    random = np.random.default_rng([seed, len(kind)])
    clean = "".join("1" if right else "0" for right in random.random(100) < skill)
    right = random.random((len(CELLS), 20)) < skill
    fields = {
        "data": "icons",
        "network": "resnet18",
        "kind": kind,
        "seed": seed,
        "recipe": RECIPE,
        "images": RECORD,
        "losses": (2.0,),
        "clean": {"test": clean},
        "seconds": seconds,
        "threads": 1,
        "versions": {},
        "right_by_cell": tuple(right.sum(axis=1).tolist()),
        "right_by_image": tuple(right.sum(axis=0).tolist()),
    }
    return Result.model_validate(fields | other)


def trained(
    training: str, kind: str = "standard", seed: int = 0, skill: float = 0.5, skills: Mapping[str, float] | None = None
) -> Result:
    """Of a network that was trained in some way; in some families of corruptions its skill may be another."""
    random = np.random.default_rng([seed, len(kind), len(training)])
    clean = "".join("1" if right else "0" for right in random.random(100) < skill)
    by_cell = [_skill_in(cell.corruption, skill, skills or {}) for cell in CELLS]
    right = random.random((len(CELLS), 20)) < np.array(by_cell)[:, None]
    return result(
        *(kind, seed),
        training=training,
        clean={"test": clean},
        right_by_cell=tuple(right.sum(axis=1).tolist()),
        right_by_image=tuple(right.sum(axis=0).tolist()),
        right_by_family={family: tuple(right[cells_of(family)].sum(axis=0).tolist()) for family in FAMILIES},
    )


def _skill_in(corruption: str, skill: float, skills: Mapping[str, float]) -> float:
    return next((skills[family] for family in skills if corruption in FAMILIES[family]), skill)
