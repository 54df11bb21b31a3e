"""Good images keep their answers while every second request is one to refuse."""

from collections.abc import Iterator, Sequence
from itertools import count, takewhile

from loadtests._hostile_files import bad_files
from loadtests._images import Image, varied_images
from loadtests._record import Check, Json, Order, Verdict, latencies, percentile_lines, percentiles
from loadtests._scenario import LEAD_S, Paced, count_check, error_check, p95_check
from loadtests._workers import Sighting

DURATION_S = 30.0


class Hostile(Paced):
    """Good and bad in turn, so that they meet in the same batches."""

    @property
    def images(self) -> tuple[Image, ...]:
        """Of many sizes and formats."""
        return varied_images()

    def schedule(self) -> Iterator[Order]:
        """Of four requests, each model gets a good one and a bad one."""
        rate, duration_s = self.settings.rate, self.settings.duration_s or DURATION_S
        bad = bad_files()
        for turn in takewhile(lambda turn: turn < rate * duration_s, count()):
            position, second = divmod(turn, 2)
            model = self.models[position % len(self.models)]
            due_s, place = LEAD_S + turn / rate, position // len(self.models)
            if not second:
                image = self.images[place % len(self.images)]
                yield Order(model, image, f"{model} good", due_s, turn=turn)
            else:
                image, refusals, headers = bad[place % len(bad)]
                yield Order(model, image, f"bad: {image.name}", due_s, refusals, headers=headers, turn=turn)

    def verdict(self, sightings: Sequence[Sighting]) -> Verdict:
        """Percentiles of the good ones of each model, and what was refused."""
        good = {m: [o for o in self.outcomes if o.order.model == m and not o.order.refusals] for m in self.models}
        refused = [o for o in self.outcomes if o.order.refusals]
        rows = {m: percentiles(latencies(outcomes)) for m, outcomes in good.items()}
        kinds = {o.order.image.name for o in refused if not o.fault}
        every = {file.image.name for file in bad_files()}
        missing = ", ".join(sorted(every - kinds))
        told = f"{len(kinds)} of {len(every)} kinds of bad request refused as documented"
        lines = [*percentile_lines(rows.items()), f"{len(refused)} bad requests of {len(every)} kinds"]
        figures: Json = {"models": rows, "refused": percentiles([o.seconds for o in refused if not o.fault])}
        checks = [
            error_check(self.settings, self.outcomes),
            count_check(self.settings, self.outcomes, self.models),
            *(p95_check(self.settings, m, outcomes) for m, outcomes in good.items()),
            Check(not missing, told + (f"; not: {missing} (a longer --duration sends all)" if missing else "")),
        ]
        return Verdict(lines, figures, checks)
