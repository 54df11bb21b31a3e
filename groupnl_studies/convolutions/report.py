"""The report of a study: whatever is there, in a table, a file for programs and two pictures."""

from pathlib import Path

from groupnl.base.atomic_file import write_whole
from groupnl_studies.convolutions.plot import draw_accuracies, draw_differences
from groupnl_studies.convolutions.result import some_results
from groupnl_studies.convolutions.speed import read_ratios
from groupnl_studies.convolutions.summary import tables_of
from groupnl_studies.convolutions.table import csv_text, markdown

TABLE, CELLS, ACCURACIES, DIFFERENCES = (
    *("convolutions.md", "convolutions.csv"),
    *("convolutions.svg", "convolutions-differences.svg"),
)


def write_report(out: Path) -> list[Path]:
    """Write the report beside the results.

    Args:
        out: folder of the study.

    Returns:
        The files; the second picture is missing as long as there is nothing beside the standard convolution.

    Raises:
        ConfigError: there is no result yet, or they cannot be used.
    """
    results = some_results(out)
    tables, ratios = tables_of(results), read_ratios(out)
    write_whole(out / TABLE, "\n\n".join(markdown(rows, ratios) for rows in tables) + "\n")
    write_whole(out / CELLS, csv_text(results))
    draw_accuracies(tables, out / ACCURACIES)
    draw_differences(tables, out / DIFFERENCES)
    return [path for name in (TABLE, CELLS, ACCURACIES, DIFFERENCES) if (path := out / name).is_file()]
