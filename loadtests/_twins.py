"""Is GroupNL as fast as its twin: both at the same rate, pair by pair on the same image."""

from collections.abc import Iterator, Sequence
from itertools import count, takewhile

from loadtests._record import Json, Order, Verdict, latencies, percentile_lines, percentiles, quantile_ms
from loadtests._scenario import LEAD_S, Paced, count_check, error_check, p95_check
from loadtests._workers import Sighting

DURATION_S = 60.0


class Twins(Paced):
    """Pairs of requests with the same image; who goes first changes from pair to pair."""

    @property
    def models(self) -> tuple[str, ...]:
        """Model and twin, the first two."""
        return self.settings.models[:2]

    def schedule(self) -> Iterator[Order]:
        """Model, twin; twin, model; and so on, at equal distances."""
        rate, duration_s = self.settings.rate, self.settings.duration_s or DURATION_S
        for turn in takewhile(lambda turn: turn < rate * duration_s, count()):
            pair, second = divmod(turn, 2)
            model = self.models[(pair + second) % 2]
            image = self.images[pair % len(self.images)]
            yield Order(model, image, model, LEAD_S + turn / rate, turn=turn)

    def verdict(self, sightings: Sequence[Sighting]) -> Verdict:
        """Percentiles of each model, and of the differences within the pairs."""
        settings, (model, twin) = self.settings, self.models
        by_model = {m: [o for o in self.outcomes if o.order.model == m] for m in self.models}
        rows = {m: percentiles(latencies(outcomes)) for m, outcomes in by_model.items()}
        differences = self._differences()
        curves = {m: _curve(latencies(outcomes)) for m, outcomes in by_model.items()}
        figures: Json = {"models": rows, "paired": _paired(differences), "quantiles_ms": curves}
        lines = [
            f"{settings.rate / 2:g} requests/s to each model, {len(differences)} pairs",
            *percentile_lines(rows.items()),
            *_paired_lines(model, twin, differences),
        ]
        checks = [
            error_check(settings, self.outcomes),
            count_check(settings, self.outcomes, self.models),
            *(p95_check(settings, m, outcomes) for m, outcomes in by_model.items()),
        ]
        return Verdict(lines, figures, checks)

    def _differences(self) -> list[float]:
        """Seconds that the model took longer than its twin, for each pair of which both were answered."""
        pairs: dict[int, dict[str, float]] = {}
        for outcome in self.outcomes:
            if outcome.answered:
                pairs.setdefault(outcome.order.turn // 2, {})[outcome.order.model] = outcome.seconds
        model, twin = self.models
        return [pair[model] - pair[twin] for pair in pairs.values() if len(pair) == 2]


def _curve(seconds: list[float]) -> list[float]:
    """The latencies in milliseconds that 0, 1, ... 100 % of the answers did not exceed."""
    return [round(quantile_ms(seconds, share / 100), 2) for share in range(101)] if seconds else []


def _paired(differences: list[float]) -> Json:
    if not differences:
        return {"pairs": 0}
    shares = {f"p{share}_ms": round(quantile_ms(differences, share / 100), 2) for share in (5, 50, 95, 99)}
    slower = sum(difference > 0 for difference in differences) / len(differences)
    return {"pairs": len(differences)} | shares | {"model_slower_share": round(slower, 3)}


def _paired_lines(model: str, twin: str, differences: list[float]) -> list[str]:
    figures = _paired(differences)
    if not differences:
        return ["no pair was answered"]
    return [
        f"{model} minus {twin}, the same image: p5 {figures['p5_ms']:+.1f}, p50 {figures['p50_ms']:+.1f}, "
        f"p95 {figures['p95_ms']:+.1f}, p99 {figures['p99_ms']:+.1f} ms",
        f"{model} was the slower one in {figures['model_slower_share']:.0%} of the pairs",
    ]
