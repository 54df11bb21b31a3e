"""Made-up results of the study of convolutions."""

import numpy as np

from groupnl.corruptions import CELLS
from groupnl_studies.convolutions.prepared import PreparedRecord
from groupnl_studies.convolutions.recipe import ImagePlan, Recipe
from groupnl_studies.convolutions.result import Result

PLAN = ImagePlan(train_images=64, corrupted_images=20)
RECIPE = Recipe(images=PLAN, epochs=1, batch_size=16)
RECORD = PreparedRecord(plan=PLAN, classes=5, tests=("test",), images_sha256="a", corrupted_sha256="b")


def result(kind: str = "standard", seed: int = 0, skill: float = 0.5, seconds: float = 60.0, **other: object) -> Result:
    """Of a network that answers so large a share rightly."""
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
