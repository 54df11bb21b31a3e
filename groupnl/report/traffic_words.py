"""What the traffic is like, in sentences of an operator's words."""

import re

from groupnl.report.drift import Statistic
from groupnl.report.markup import counted, estimated, number, percent, points
from groupnl.report.mixture import Carried
from groupnl.report.traffic import Traffic
from groupnl.traffic.drift import ANSWER_MARGIN, LEAST_IMAGES

NO_RECORD = (
    "What the traffic is like, and how accurate the model is on it, is not known: its archive has no record of "
    "held-back images. <code>groupnl traffic</code> makes one, and <code>groupnl archive --traffic</code> packs it."
)

LEAST_COST = 0.005  # of accuracy, that is told as a loss
# How an image looks that carries a corruption.
LOOKS = {
    "gaussian_noise": "noisy (Gaussian noise)",
    "shot_noise": "noisy (shot noise)",
    "impulse_noise": "noisy (impulse noise)",
    "defocus_blur": "out of focus",
    "glass_blur": "seen through rough glass",
    "motion_blur": "motion-blurred",
    "zoom_blur": "zoom-blurred",
    "snow": "snowed on",
    "frost": "frosted over",
    "fog": "foggy",
    "brightness": "too bright",
    "contrast": "low in contrast",
    "elastic_transform": "warped",
    "pixelate": "pixelated",
    "jpeg_compression": "JPEG-compressed",
    "speckle_noise": "noisy (speckle noise)",
    "gaussian_blur": "blurred",
    "spatter": "spattered",
    "saturate": "off in saturation",
}
# What an image is that has a low rank, and one that has a high one, beside held-back images.
_SIDES = {
    "brightness": ("darker", "brighter"),
    "contrast": ("lower in contrast", "higher in contrast"),
    "saturation": ("paler", "more colourful"),
    "sharpness": ("less sharp", "sharper"),
    "noise": ("less noisy", "noisier"),
    "blockiness": ("less blocky", "blockier"),
    "confidence": ("answered less surely", "answered more surely"),
    "entropy": ("answered more decidedly", "answered less decidedly"),
}
# Where answers are unlike those to held-back images, what the images look like need not be what happened to them.
_ONLY_CORRUPTED = (
    "That holds only if one of the nineteen corruptions is all that happened to the live images: dark or turned ones, "
    "or pictures of other things, have no name of their own and pass for clean ones or for the nearest corruption."
)
_REASONS = 3  # that are told for what is withdrawn, the strongest
_CENTRED = 0.1  # so near to the middle a mean rank tells no side


def traffic_sentences(traffic: Traffic, repeated: float = 0.0) -> list[str]:
    """The verdict on the traffic, drift first.

    Args:
        traffic: what it is like.
        repeated: images that were passed over because they had been seen lately.
    """
    mixture = traffic.mixture
    if not mixture.is_enough:
        return [told for told in (_too_few(mixture.images, repeated), _classes_sentence(traffic)) if told]
    sentences = [carried_sentence(each, traffic.since) for each in mixture.told]
    sentences += [_drift_sentence(traffic), _classes_sentence(traffic)]
    found = [told for told in sentences if told]
    expected = expected_sentence(traffic)
    if expected and any(each.is_of_answers for each in traffic.drifted):
        expected += f" {_ONLY_CORRUPTED}"
    return [*(found or [_nothing_found(traffic)]), expected]


def _too_few(images: float, repeated: float) -> str:
    told = "No live image has" if not images else f"Only {counted(images, 'live image')} "
    told += "" if not images else ("has" if number(images) == "1" else "have")
    passed = f"; {number(repeated)} more looked like one seen lately, and were passed over" if repeated else ""
    return f"{told} been looked at yet: too few to say what the traffic is like ({LEAST_IMAGES} are needed){passed}."


def traffic_in_short(traffic: Traffic) -> str:
    """The verdict on the traffic, for a table."""
    others = traffic.classes is not None and traffic.classes.has_drifted
    if not traffic.mixture.is_enough:
        return "other classes" if others else "too few images"
    if told := traffic.mixture.told:
        more = f", and {len(told) - 1} more" if len(told) > 1 else ""
        return f"{percent(told[0].share.value)} {LOOKS[told[0].corruption]}{more}"
    if drifted := traffic.drifted:
        return difference_words(drifted[0])
    return "other classes" if others else "as expected"


def carried_sentence(carried: Carried, since: str | None) -> str:
    """What share of the traffic carries a corruption, and what that cost."""
    told = f"<b>{estimated(carried.share)} of {_whose(since)} look {LOOKS[carried.corruption]}</b>"
    if carried.cost is None:
        return f"{told}."
    lost = f"{points(carried.cost)} of accuracy" if carried.cost >= LEAST_COST else "no accuracy"
    return f"{told}; held-back images that were so cost the model {lost}."


def difference_words(statistic: Statistic) -> str:
    """How live images differ from held-back ones."""
    if not statistic.has_drifted:
        return "as held-back images"
    if abs(statistic.mean - 0.5) < _CENTRED or statistic.name not in _SIDES:
        return f"spread otherwise in {statistic.name}"
    return _SIDES[statistic.name][statistic.mean > 0.5]


def broken_sentence(broken: list[Statistic]) -> str:
    """Why confidence says nothing of accuracy now."""
    return (
        f"Live images are {_listed(broken[:_REASONS])} than held-back ones: on such images a model may be sure and "
        "wrong, so its confidence says nothing of its accuracy."
    )


def expected_sentence(traffic: Traffic) -> str:
    """Accuracy and agreement that held-back images had that were corrupted as the traffic is."""
    mixture = traffic.mixture
    if mixture.accuracy is None or mixture.clean_accuracy is None:
        return ""
    return (
        f"Of held-back images that were corrupted as the traffic is, the model answered {estimated(mixture.accuracy)} "
        f"rightly, of clean ones {percent(mixture.clean_accuracy)}."
    )


def _nothing_found(traffic: Traffic) -> str:
    return (
        f"The traffic looks as expected: in {counted(traffic.mixture.images, 'live image')} that were looked at no "
        f"corruption is found (one that {percent(traffic.mixture.told_from)} carry would be), and neither pixels nor "
        f"answers are far from those of held-back images{_told_gap(traffic)}."
    )


def _told_gap(traffic: Traffic) -> str:
    """How far answers would have to be off to be told."""
    noises = [each.gap.noise for each in traffic.statistics if each.is_of_answers]
    return f" (a gap of {percent(min(1.0, ANSWER_MARGIN + max(noises)))} in answers would be told)" if noises else ""


def _whose(since: str | None) -> str:
    if since is None:
        return "the live images"
    return "the last " + re.sub(r"(?<=\d)(?=\D)", "\N{NO-BREAK SPACE}", since)


def _drift_sentence(traffic: Traffic) -> str:
    names = {each.name for each in traffic.drifted}
    # Entropy says of answers what confidence has said.
    drifted = [each for each in traffic.drifted if each.name != "entropy" or "confidence" not in names]
    return f"<b>Live images are {_listed(drifted)} than held-back ones.</b>" if drifted else ""


def _classes_sentence(traffic: Traffic) -> str:
    classes = traffic.classes
    if classes is None or not classes.has_drifted or classes.gap is None:
        return ""
    return (
        f"<b>Other classes are predicted than of held-back images</b>: {percent(classes.gap.size)} of the answers "
        "would have to be another class to be as expected."
    )


def _listed(statistics: list[Statistic]) -> str:
    words = [difference_words(each) for each in statistics]
    return ", ".join(words[:-1]) + " and " + words[-1] if len(words) > 1 else words[0]
