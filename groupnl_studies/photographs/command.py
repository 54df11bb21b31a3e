"""`groupnl study photographs`: answers to photographs, and shadow pairs, each computed again with timm's network."""

import argparse
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from pydantic import NonNegativeInt

from groupnl.archive.read import unpack
from groupnl.base.numbers import Positive
from groupnl.base.options import Options as BaseOptions
from groupnl.base.progress import progress
from groupnl.corruptions.names import NAMES
from groupnl_studies.harness.client import Request, answers
from groupnl_studies.harness.service import RunningService, shadow_settings
from groupnl_studies.photographs.crops import parts, photographs
from groupnl_studies.photographs.offline import Offline
from groupnl_studies.photographs.pairs import Pair, compared
from groupnl_studies.photographs.ties import NEAR, margin

_LEAST_ALIKE = 0.97  # of the photographs, and of the pairs, near ties among them


class Options(BaseOptions):
    """What `groupnl study photographs` asks.

    Attributes:
        archive: of the model.
        images: photographs, or folders of them.
        pairs: parts of photographs, each a shadow pair.
        seed: of the parts.
    """

    archive: Path
    images: tuple[Path, ...]
    pairs: Positive
    seed: NonNegativeInt


class Answer(NamedTuple):
    """What was answered to a photograph.

    Attributes:
        file: its name.
        best: the service's most probable class.
        probability: of it.
        offline: the network's own most probable class.
        margin: of the one to the other for the network itself, see `groupnl_studies.photographs.ties`.
    """

    file: str
    best: str
    probability: float
    offline: str
    margin: float

    @property
    def differs(self) -> bool:
        """Whether service and network say otherwise."""
        return self.best != self.offline

    @property
    def is_near_tie(self) -> bool:
        """Whether they do so where rounding decides."""
        return self.differs and self.margin < NEAR


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `groupnl study photographs`."""
    add = parser.add_argument
    default = Path("model_store/effnet_lite0.mar")
    add("archive", type=Path, nargs="?", default=default, help="of the model (%(default)s)")
    images = [Path("docs/coffee.jpg")]
    add("--images", type=Path, nargs="+", default=images, metavar="PLACE", help="photographs, folders of some")
    add("--pairs", type=int, default=500, metavar="N", help="parts of them that are answered again (%(default)s)")
    add("--seed", type=int, default=0, metavar="N", help="of the parts (%(default)s)")


def run(options: Options) -> int:
    """Ask, compare, print the tables.

    Returns:
        1 if the answers, or the live figures, are others than the network's own; a line says which.

    Raises:
        ArchiveError: the archive is missing or damaged.
        CheckpointError: the installed timm cannot build the network.
        ConfigError: the photographs or the network cannot be used.
        ServerError: the service does not start, ended, or did not answer.
    """
    files = photographs(options.images)
    model = options.archive.stem
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="groupnl-study-")))
        unpack(options.archive, folder / "unpacked")
        offline = Offline(folder / "unpacked")
        settings = {"workers": 1, "twins": False, **shadow_settings(1.0)}
        service = stack.enter_context(RunningService(folder, [f"{model}={options.archive}"], settings))
        service.wait_until_ready()
        images = progress(parts(files, options.pairs, options.seed), total=options.pairs, unit="pairs")
        pairs = list(compared(service, model, images, offline))
        found = [_answer(service, model, file, offline) for file in files]
    print(answer_table(found), end="\n\n")
    print(pair_table(pairs), end="\n\n")
    print(summary(pairs))
    lines = shortfalls(found, pairs)
    print(*lines, sep="\n", end="\n" if lines else "")
    return int(bool(lines))


def _answer(service: RunningService, model: str, file: Path, offline: Offline) -> Answer:
    content = file.read_bytes()
    (classes,) = answers(service.inference_port, [Request(f"/predictions/{model}", content)])
    best = max(classes, key=lambda name: classes[name])
    probabilities = offline.probabilities(offline.pixels(content))
    own, place = offline.classes[int(probabilities.argmax())], offline.classes.index(best)
    return Answer(file.name, best, classes[best], own, margin(probabilities, place))


def answer_table(found: Sequence[Answer]) -> str:
    """A line a photograph."""
    lines = ["| photograph | answer | probability | timm's network |", "|---|---|---|---|"]
    for answer in found:
        other = f"{answer.offline}{', a near tie' * answer.is_near_tie}" if answer.differs else "the same"
        lines.append(f"| {answer.file} | {answer.best} | {answer.probability:.0%} | {other} |")
    return "\n".join(lines)


def pair_table(pairs: Sequence[Pair]) -> str:
    """A line a corruption that was met."""
    lines = [
        "| corruption | pairs | held, live | held, timm's network | not alike | of these near ties |",
        "|---|---|---|---|---|---|",
    ]
    for name in NAMES:
        its = [pair for pair in pairs if pair.cell.corruption == name]
        if its:
            cells = [len(its), sum(p.live for p in its), sum(p.offline for p in its), *_unlike(its)]
            lines.append(f"| {name} | {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def summary(pairs: Sequence[Pair]) -> str:
    """All pairs together, in a sentence."""
    live, offline = (sum(held) / len(pairs) for held in zip(*((p.live, p.offline) for p in pairs), strict=True))
    unlike, near = _unlike(pairs)
    return (
        f"{len(pairs)} pairs: the answer held in {live:.1%} live and in {offline:.1%} with timm's network; "
        f"not alike: {unlike} pairs, of which near ties: {near}."
    )


def shortfalls(found: Sequence[Answer], pairs: Sequence[Pair]) -> list[str]:
    """Of what too few are alike, a line each; an answer near a tie is right either way."""
    kinds: dict[str, Sequence[Answer | Pair]] = {"photographs": found, "pairs": pairs}
    alike = {name: [not each.differs or each.is_near_tie for each in its] for name, its in kinds.items()}
    return [
        f"Too few {name} are answered as by timm's network: {sum(each)} of {len(each)}, not {_LEAST_ALIKE:.0%}."
        for name, each in alike.items()
        if sum(each) / len(each) < _LEAST_ALIKE
    ]


def _unlike(pairs: Sequence[Pair]) -> tuple[int, int]:
    """How many are not alike, and how many of these are near a tie."""
    return sum(pair.differs for pair in pairs), sum(pair.is_near_tie for pair in pairs)
