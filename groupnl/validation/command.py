"""`groupnl validate`: accuracy of a checkpoint on labelled images, clean and corrupted, and on published sets."""

import sys

from groupnl.base.folder_lock import locked
from groupnl.validation.asked import asked
from groupnl.validation.crew.choose import crew_of
from groupnl.validation.crew.job import Crew
from groupnl.validation.figures import figures
from groupnl.validation.gaps import gaps
from groupnl.validation.heat_map import FILE as HEAT_MAP_FILE
from groupnl.validation.heat_map import draw
from groupnl.validation.how import how_to_run
from groupnl.validation.job import Source, Validation
from groupnl.validation.notes import by_place
from groupnl.validation.options import Options, add_arguments
from groupnl.validation.plan import plan
from groupnl.validation.record import FILE
from groupnl.validation.report import heading, text, write_files
from groupnl.validation.run import validate

__all__ = ["Options", "add_arguments", "run"]


def run(options: Options) -> int:
    """Measure what is not known yet; print and write the figures.

    Raises:
        ConfigError: an option or image that cannot be used, or a record of something else is in the way.
        CheckpointError: a checkpoint that cannot be used.
    """
    with crew_of(options) as crew:
        return 0 if crew is None else _run(options, crew)


def _run(options: Options, crew: Crew) -> int:
    how = how_to_run(options, crew)
    source = Source(
        options.checkpoint,
        architecture=options.architecture,
        classes=options.classes,
        given=options.given_input,
        averaged=not options.no_ema,
    )
    trained = source.open()
    wanted = asked(options, trained)
    trained = trained._replace(input=wanted.input(trained, options))
    output = options.folder
    with locked(output, "name another --output"):
        work = plan(wanted, options, trained, how, output / FILE)
        print(heading(work.record.settings, clean=None in work.sets), flush=True)  # before hours of measuring
        clean = work.record.clean_of
        classes = (clean.answers if clean else None) or trained.class_count
        missing = {cell: images.missing for cell, images in work.sets.items()}
        for sentence in (*by_place(clean), *gaps(missing, classes)):
            print(sentence, file=sys.stderr)
        record = validate(work, crew, Validation(source, how, trained), how.batch_size, output / FILE)
        found = figures(record)
        write_files(record, found, output)
        if found.errors:
            draw(found, trained.architecture, output / HEAT_MAP_FILE)
    print(text(record, found))
    return 0
