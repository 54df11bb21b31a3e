"""Speeds as people read them."""

from groupnl.archive.speed.speeds import Speeds
from groupnl.base.others import BUSY_CORES, others_in_words

_COLUMNS = ("engine", "precision", "images/s", "beside a busy program", "one image, ms")


def speed_table(speeds: Speeds) -> str:
    """A row for each engine, the chosen one first, and why others are missing."""
    rows = [
        (
            speed.engine,
            speed.precision,
            f"{speed.full:.1f}",
            f"{speed.beside:.1f} ({speed.beside / speed.full:.0%})",
            f"{1e3 / speed.alone:.1f}",
        )
        for speed in speeds.ordered().values()
    ]
    widths = [max(len(row[column]) for row in (_COLUMNS, *rows)) for column in range(len(_COLUMNS))]
    lines = [
        "  ".join(
            [
                *(cell.ljust(width) for cell, width in zip(row[:2], widths, strict=False)),
                *(cell.rjust(width) for cell, width in zip(row[2:], widths[2:], strict=True)),
            ]
        ).rstrip()
        for row in (_COLUMNS, *rows)
    ]
    machine, plan = speeds.machine, speeds.plan
    lines += [f"left out: {name}: {reason}" for name, reason in speeds.left_out.items()]
    threads = "" if plan.threads is None else f" with {plan.threads} threads"
    cores = "1 core" if machine.cores == 1 else f"{machine.cores} cores"
    workers = "1 worker" if plan.workers == 1 else f"{plan.workers} workers"
    lines.append(f"{machine.cpu}, {cores}: {workers}{threads}, batches of up to {plan.batch_size}")
    if speeds.others > BUSY_CORES:
        lines.append(others_in_words(speeds.others))
    return "\n".join(lines)
