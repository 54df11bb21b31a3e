"""`groupnl study live-vs-offline`: are the figures that the running service shows true?"""

import argparse
import tempfile
import zipfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError

from groupnl.base.numbers import Positive
from groupnl.base.options import Options as BaseOptions
from groupnl.base.problems import problems
from groupnl.base.progress import progress
from groupnl.errors import ConfigError
from groupnl.metrics import (
    CLEAN,
    LABELLED,
    LABELLED_CORRECT,
    PAIRED_OUTCOMES_TOTAL,
    PROBE_CORRECT,
    PROBE_IMAGES,
    PROBE_SET_IMAGES,
    SHADOW_FLIPS,
    SHADOW_PAIRS,
)
from groupnl.robustness.record import ROBUSTNESS_FILE, RobustnessRecord
from groupnl_studies.harness.load import LoadProcess
from groupnl_studies.harness.scrape import Scrape
from groupnl_studies.harness.service import RunningService
from groupnl_studies.live_vs_offline.estimating import SEED, answer_all, tables, write_estimates
from groupnl_studies.live_vs_offline.figures import (
    ACCURACY,
    AGREEMENT,
    PROBE,
    Row,
    band,
    compare,
    corruption_table,
    offline_accuracy,
    offline_agreement,
    summary_table,
    write_csv,
)
from groupnl_studies.live_vs_offline.judging import judge
from groupnl_studies.live_vs_offline.plot import draw
from groupnl_studies.live_vs_offline.run import SETTINGS, labelled_images, replay, replay_probes
from groupnl_studies.live_vs_offline.twin import relative_line, twin_rows, twin_table

LIVE, ESTIMATES = PARTS = ("live", "estimates")


class Options(BaseOptions):
    """What `groupnl study live-vs-offline` compares.

    Attributes:
        only: of `PARTS`.
        models: archives in the model store, with their offline figures inside.
        model_store: folder of archives.
        data: image folders by split.
        passes: each image is sent so often to each model.
        checkpoints: whose accuracy is estimated without labels.
        splits: whose images these answer.
        images: a random part of so many.
        divisions: how often they are divided into held-back images and traffic.
        output: folder for figures and picture; made if missing.
    """

    only: tuple[str, ...]
    models: tuple[str, ...]
    model_store: Path
    data: Path
    passes: Positive
    checkpoints: tuple[Path, ...]
    splits: tuple[str, ...]
    images: Annotated[int, Field(ge=4)]
    divisions: Positive
    output: Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `groupnl study live-vs-offline`."""
    add = parser.add_argument
    add(
        "--only", nargs="+", choices=PARTS, default=list(PARTS), metavar="PART", help=f"of {' and '.join(PARTS)} (both)"
    )
    add("--models", nargs="+", default=["gnl_effnet_es", "effnet_es"], metavar="NAME", help="(gnl_effnet_es effnet_es)")
    add("--model-store", type=Path, default=Path("model_store"), metavar="DIR", help="(%(default)s)")
    add("--data", type=Path, default=Path("data/icons"), metavar="DIR", help="image folders by split (%(default)s)")
    add("--passes", type=int, default=6, metavar="N", help="each image is sent so often to each model (%(default)s)")
    store = Path("model_store")
    checkpoints = [store / "efficientnet_gnl_es.safetensors", store / "efficientnet_es.safetensors"]
    add(
        "--checkpoints",
        nargs="+",
        type=Path,
        default=checkpoints,
        metavar="FILE",
        help="of estimates (both default ones)",
    )
    add(
        "--splits",
        nargs="+",
        default=["test_emoji", "test_style"],
        metavar="SPLIT",
        help="of estimates (test_emoji test_style)",
    )
    add("--images", type=int, default=600, metavar="N", help="a random part, of estimates (%(default)s)")
    add("--divisions", type=int, default=10, metavar="N", help="into held-back images and traffic (%(default)s)")
    add("--output", type=Path, default=Path("docs"), metavar="DIR", help="of figures and picture (%(default)s)")


def run(options: Options) -> int:
    """Each part in turn.

    Raises:
        ConfigError: an option that cannot be used, or an archive without offline figures.
        CheckpointError: a checkpoint that cannot be used.
        ServerError: the service cannot be started, ended, or did not answer everything.
    """
    options.output.mkdir(parents=True, exist_ok=True)
    if LIVE in options.only:
        _compare_live(options)
    if ESTIMATES in options.only:
        _judge_estimates(options)
    return 0


def _judge_estimates(options: Options) -> None:
    """Answer, judge, write the estimates, print the tables."""
    models = answer_all(options.checkpoints, options.data, options.splits, options.images)
    judged = list(judge(models, options.divisions, SEED))
    write_estimates(judged, options.output / "estimates.csv")
    print(tables(models, judged, options.divisions))


def _compare_live(options: Options) -> None:
    """Replay, compare, write the rows and the picture, print the tables."""
    records = {model: read_packed(options.model_store / f"{model}.mar") for model in options.models}
    images = labelled_images(options.data, next(iter(records.values())).splits)
    scrape = _measure(options, images)
    rows = [row for model, record in records.items() for row in live_rows(model, scrape, record)]
    clean = {model: _share(scrape, model) for model in records}
    write_csv(rows, options.output / "live-vs-offline.csv")
    draw(rows, clean, options.output / "live-vs-offline.svg")
    print(summary_table(rows, options.models), end="\n\n")
    for model, record in records.items():
        _print_band(model, [row for row in rows if (row.model, row.figure) == (model, AGREEMENT)], record, clean[model])
    print(corruption_table(rows, options.models))
    for model in records:
        _print_twin(model, scrape, records)


def read_packed(archive: Path) -> RobustnessRecord:
    """The offline figures inside an archive.

    Raises:
        ConfigError: it is missing, or has none.
    """
    try:
        with zipfile.ZipFile(archive) as file:
            return RobustnessRecord.model_validate_json(file.read(ROBUSTNESS_FILE))
    except KeyError:
        raise ConfigError(f"{archive} has no offline figures: pack it with --robustness") from None
    except zipfile.BadZipFile as error:
        raise ConfigError(f"{archive} is no archive: {error}") from None
    except ValidationError as error:
        raise ConfigError(f"the offline figures in {archive} cannot be used: {problems(error)}") from None


def live_rows(model: str, scrape: Scrape, record: RobustnessRecord) -> list[Row]:
    """The live figures of one model beside its offline truth."""
    pairs, flips = scrape.by_cell(SHADOW_PAIRS, model), scrape.by_cell(SHADOW_FLIPS, model)
    kept = {cell: count - flips[cell] for cell, count in pairs.items()}
    accuracy, probes = offline_accuracy(record), scrape.total(PROBE_SET_IMAGES, model=model)
    right, answered = scrape.by_cell(PROBE_CORRECT, model), scrape.by_cell(PROBE_IMAGES, model)
    return [
        *compare(model, AGREEMENT, kept, pairs, offline_agreement(record)),
        *compare(model, ACCURACY, scrape.by_cell(LABELLED_CORRECT, model), scrape.by_cell(LABELLED, model), accuracy),
        *compare(model, PROBE, right, answered, accuracy, images=probes),
    ]


def _measure(options: Options, images: Sequence[Path]) -> Scrape:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="groupnl-study-")))
        process = stack.enter_context(LoadProcess())
        settings = {"model_store": str(options.model_store), **SETTINGS}
        service = stack.enter_context(RunningService(folder, options.models, settings))
        service.wait_until_ready()
        bar = stack.enter_context(progress(total=options.passes * len(options.models) * len(images), unit="images"))
        replay(service, process, images, options.models, options.passes, bar.update)
        return replay_probes(service, options.models)


def _share(scrape: Scrape, model: str) -> float:
    """Live accuracy of the clean answers, by the clients' labels."""
    return scrape.total(LABELLED_CORRECT, model=model, **CLEAN) / scrape.total(LABELLED, model=model, **CLEAN)


def _print_band(model: str, agreement: Sequence[Row], record: RobustnessRecord, clean: float) -> None:
    found = band(agreement, record, clean)
    print(f"{model}: clean accuracy live {clean:.4f}, offline {record.clean_correct / record.images:.4f}.")
    print(
        "The band, clean accuracy +- the upper bound of 1 - agreement, holds the offline accuracy in "
        f"{found.holds:.1%} of {found.cells} cells, mean half width {found.half_width:.3f}; "
        f"+- (1 - agreement) itself in {found.bare_holds:.1%}, {found.bare_half_width:.3f}. "
        f"Mean loss of accuracy: {found.loss:.3f}.\n"
    )


def _print_twin(model: str, scrape: Scrape, records: dict[str, RobustnessRecord]) -> None:
    for reference in scrape.by("reference", PAIRED_OUTCOMES_TOTAL, model=model):
        if reference not in records:
            print(f"\n{model} against {reference}: no offline figures of {reference}; name it in --models")
            continue
        outcomes = {
            name: scrape.by("outcome", PAIRED_OUTCOMES_TOTAL, model=model, reference=reference, corruption=name)
            for name in scrape.by("corruption", PAIRED_OUTCOMES_TOTAL, model=model, reference=reference)
        }
        ours, theirs = records[model], records[reference]
        print(f"\n{model} against {reference}:\n\n{twin_table(twin_rows(outcomes, ours, theirs))}\n")
        print(relative_line(outcomes, ours, theirs))
