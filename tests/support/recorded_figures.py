"""Random counts of a service, and what the recording rules must make of them, computed by other means."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from groupnl.robustness.statistics import accuracy_band, relative_flips, wilson_interval

CORRUPTIONS = ("fog", "snow", "frost")
SPANS = ("6h", "start", "1d", "7d")
OUTCOMES = ("both_hold", "model_only", "reference_only", "both_flip")
Figures = dict[str, dict[str, float]]  # name of the record -> labels -> value


class Counts(NamedTuple):
    """All of one model, each corruption at one severity.

    Attributes:
        pairs: of each corruption.
        flips: the same.
        in_group: pairs whose class stays in its group.
        offline: agreement before packing.
        sampled: images chosen.
        dropped: of those.
        outcomes: corruption -> the four outcomes of the pairs with the twin.
        probe: answers to the clean probe set, the right ones, and the images in it.
    """

    pairs: Mapping[str, int]
    flips: Mapping[str, int]
    in_group: Mapping[str, int]
    offline: Mapping[str, float]
    sampled: int
    dropped: int
    outcomes: Mapping[str, tuple[int, ...]]
    probe: tuple[int, int, int]


def random_counts(seed: int) -> Counts:
    """With few pairs, without a flip, and with many: all that formulas have trouble with."""
    rng = np.random.default_rng(seed)
    pairs = {name: int(rng.choice([1, 7, 40, 3000])) for name in CORRUPTIONS}
    shares = {name: float(rng.choice([0, 0.3, 0.9, 1])) for name in CORRUPTIONS}
    outcomes = {name: tuple(int(n) for n in rng.multinomial(pairs[name], (0.5, 0.2, 0.1, 0.2))) for name in CORRUPTIONS}
    images = int(rng.integers(20, 300))
    answers = images * int(rng.integers(1, 4)) - int(rng.integers(0, 15))
    return Counts(
        pairs,
        {name: int(rng.binomial(pairs[name], shares[name])) for name in CORRUPTIONS},
        {name: int(rng.binomial(pairs[name], 0.8)) for name in CORRUPTIONS},
        {name: round(float(rng.uniform(0.3, 0.95)), 3) for name in CORRUPTIONS},
        sampled := sum(pairs.values()) + int(rng.integers(0, 2000)),
        int(rng.integers(0, sampled)),
        outcomes,
        (answers, int(rng.binomial(answers, 0.7)), images),
    )


def series(counts: Counts) -> Iterator[tuple[str, float]]:
    """What is scraped: each series with its value."""
    for name in CORRUPTIONS:
        of = f'model="m", corruption="{name}"'
        yield f'groupnl_shadow_pairs_total{{{of}, severity="1"}}', counts.pairs[name]
        yield f'groupnl_shadow_flips_total{{{of}, severity="1"}}', counts.flips[name]
        yield f'groupnl_shadow_group_kept_total{{{of}, severity="1"}}', counts.in_group[name]
        yield f"groupnl_offline_agreement_ratio{{{of}}}", counts.offline[name]
        for outcome, number in zip(OUTCOMES, counts.outcomes[name], strict=True):
            label = f'model="m", reference="r", corruption="{name}", outcome="{outcome}"'
            yield f"groupnl_shadow_paired_outcomes_total{{{label}}}", number
    yield 'groupnl_shadow_sampled_total{model="m"}', counts.sampled
    yield 'groupnl_shadow_dropped_total{model="m", reason="expired"}', counts.dropped
    answers, right, images = counts.probe
    yield 'groupnl_probe_images_total{model="m", corruption="none", severity="0"}', answers
    yield 'groupnl_probe_correct_total{model="m", corruption="none", severity="0"}', right
    yield 'groupnl_probe_set_images{model="m"}', images


def expected_figures(counts: Counts) -> Figures:
    """Record -> labels -> value, of all that was counted at once some hours ago."""
    found: Figures = {}
    whole = sum(counts.pairs.values()), sum(counts.flips.values()), sum(counts.in_group.values())
    for span in SPANS:
        found |= _agreement("model", span, {'{model="m"}': whole})
        by_corruption = {
            f'{{model="m", corruption="{name}"}}': (counts.pairs[name], counts.flips[name], counts.in_group[name])
            for name in CORRUPTIONS
        }
        found |= _agreement("model_corruption", span, by_corruption)
        found |= _level_and_drops(counts, span, 1 - whole[1] / whole[0])
    for span in ("6h", "start"):
        by_cell = {
            f'{{model="m", corruption="{name}", severity="1"}}': numbers
            for name, numbers in zip(CORRUPTIONS, by_corruption.values(), strict=True)
        }
        found |= _agreement("model_corruption_severity", span, by_cell)
        sums = tuple(sum(counts.outcomes[name][index] for name in CORRUPTIONS) for index in range(4))
        found |= _relative("model_reference", span, {'{model="m", reference="r"}': sums})
        by_type = {f'{{model="m", reference="r", corruption="{name}"}}': counts.outcomes[name] for name in CORRUPTIONS}
        found |= _relative("model_reference_corruption", span, by_type)
    return found | _sequential(counts) | _truth(counts)


def _agreement(labels: str, span: str, cases: Mapping[str, tuple[int, int, int]]) -> Figures:
    found: Figures = {}
    for series_, (pairs, flips, in_group) in cases.items():
        low, high = wilson_interval(pairs - flips, pairs)
        values = {
            "pairs": pairs,
            "flips": flips,
            "agreement": 1 - flips / pairs,
            "agreement_lower": low,
            "agreement_upper": high,
        }
        if span in ("6h", "start"):
            values["group_agreement"] = in_group / pairs
        for figure, value in values.items():
            found.setdefault(f"{labels}:groupnl_{figure}:{span}", {})[series_] = value
    return found


def _level_and_drops(counts: Counts, span: str, agreement: float) -> Figures:
    dropped = counts.dropped / counts.sampled
    found = {
        "dropped_shadows": dropped,
        "agreement_least": agreement * (1 - dropped),
        "agreement_most": agreement * (1 - dropped) + dropped,
    }
    if span != "start":
        found["expected_agreement"] = _expected(counts)
    return {f"model:groupnl_{figure}:{span}": {'{model="m"}': value} for figure, value in found.items()}


def _expected(counts: Counts) -> float:
    return sum(counts.pairs[name] * counts.offline[name] for name in CORRUPTIONS) / sum(counts.pairs.values())


def _sequential(counts: Counts) -> Figures:
    expected, pairs = _expected(counts), sum(counts.pairs.values())
    excess = sum(counts.flips.values()) - pairs * (1.1 - expected)
    fallen = max(expected - 0.1, 0)
    needed = max((2.42448975 / 0.05) ** 2 * fallen * (1 - fallen), 150)
    usual = {f'{{model="m", corruption="{name}"}}': counts.offline[name] for name in CORRUPTIONS}
    return {
        "model_corruption:groupnl_usual_agreement:start": usual,
        "model:groupnl_excess_flips:4m": {'{model="m"}': min(max(excess, 0), 50)},
        "model:groupnl_pairs_needed:7d": {'{model="m"}': needed},
        "model:groupnl_alert_is_thin:7d": {'{model="m"}': float(pairs < needed)},
    }


def _relative(labels: str, span: str, cases: Mapping[str, tuple[int, ...]]) -> Figures:
    names = ("flips_of_model", "flips_of_reference", "pairs_told_apart")
    bounds = ("relative_corruption_error", "relative_corruption_error_lower", "relative_corruption_error_upper")
    found: Figures = {f"{labels}:groupnl_{figure}:{span}": {} for figure in (*names, *bounds)}
    for series_, (_, model_only, reference_only, both_flip) in cases.items():
        sums = reference_only + both_flip, model_only + both_flip, model_only + reference_only
        relative = relative_flips(model_only, reference_only, both_flip)
        values = dict(zip(names, map(float, sums), strict=True))
        if relative is not None:
            values |= dict(zip(bounds, (relative.value, relative.low, relative.high), strict=True))
        for figure, value in values.items():
            found[f"{labels}:groupnl_{figure}:{span}"][series_] = value
    return found


def _truth(counts: Counts) -> Figures:
    answers, right, images = counts.probe
    distinct, accuracy = min(answers, images), right / answers
    clean = wilson_interval(accuracy * distinct, distinct)
    bands = {name: accuracy_band(clean, counts.flips[name], counts.pairs[name]) for name in CORRUPTIONS}
    of_model = {
        "clean_probe_images": distinct,
        "clean_accuracy": accuracy,
        "clean_accuracy_lower": clean.low,
        "clean_accuracy_upper": clean.high,
    }
    found: Figures = {f"model:groupnl_{figure}:start": {'{model="m"}': value} for figure, value in of_model.items()}
    for side, end in (("lower", "low"), ("upper", "high")):
        found[f"model_corruption:groupnl_accuracy_band_{side}:start"] = {
            f'{{model="m", corruption="{name}"}}': getattr(band, end) for name, band in bands.items()
        }
    return found
