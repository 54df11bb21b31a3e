"""What the traffic is like beside held-back images: the corruptions that it carries, and how far it has drifted."""

from typing import NamedTuple

from groupnl.metrics import CALIBRATION_ERROR, EXPECTED_IMAGES
from groupnl.report.drift import Answers, Classes, Statistic, answers_of, classes_of, statistics_of
from groupnl.report.files import Files, files_of
from groupnl.report.mixture import Mixture, mixture_of
from groupnl.report.samples import Samples


class Calibration(NamedTuple):
    """How honest confidence is on held-back images, as expected calibration error, 0 to 1.

    Attributes:
        served: of the probabilities that clients get.
        other: of those that they would get with, or without, the archive's temperature.
        is_calibrated: whether clients get those with the temperature.
    """

    served: float
    other: float
    is_calibrated: bool


class Traffic(NamedTuple):
    """What the traffic is like.

    Attributes:
        since: over how long, as Prometheus writes it; None: since the counts began.
        held_back: images that live ones are compared with.
        mixture: the corruptions that it carries.
        statistics: of pixels and of answers.
        classes: that are predicted; None where none was counted.
        answers: how sure all live answers are.
        files: in which the images came; None where none was counted.
        calibration: of confidence; None where it is not told.
    """

    since: str | None
    held_back: float
    mixture: Mixture
    statistics: list[Statistic]
    classes: Classes | None
    answers: list[Answers]
    files: Files | None
    calibration: Calibration | None

    @property
    def drifted(self) -> list[Statistic]:
        """Statistics in which live images are not like held-back ones, the furthest first; none of too few images."""
        found = [each for each in self.statistics if self.mixture.is_enough and each.has_drifted]
        return sorted(found, key=lambda each: -each.gap.beyond)

    @property
    def broken(self) -> list[Statistic]:
        """What has drifted, where answers have drifted so far that confidence says nothing of accuracy; else empty."""
        return self.drifted if any(each.is_broken for each in self.drifted) else []


def traffic_of(samples: Samples, model: str, since: str | None) -> Traffic | None:
    """What a model's traffic is like; None where it is not known what to expect.

    Args:
        samples: what was counted.
        model: as it is served.
        since: over how long, as Prometheus writes it; None: since the counts began.
    """
    held_back = samples.largest(EXPECTED_IMAGES.name, model=model)
    if not held_back:
        return None
    return Traffic(
        since=since,
        held_back=held_back,
        mixture=mixture_of(samples, model, held_back),
        statistics=statistics_of(samples, model, held_back),
        classes=classes_of(samples, model, held_back),
        answers=answers_of(samples, model),
        files=files_of(samples, model),
        calibration=_calibration(samples, model),
    )


def _calibration(samples: Samples, model: str) -> Calibration | None:
    found = samples.matching(CALIBRATION_ERROR.name, model=model)
    served = [sample for sample in found if sample.labels["served"] == "yes"]
    other = [sample for sample in found if sample.labels["served"] == "no"]
    if not (served and other):
        return None
    return Calibration(served[0].value, other[0].value, served[0].labels["calibrated"] == "yes")
