"""The report of the study: whatever is there, in a table, a file for programs and two pictures."""

from pathlib import Path

from groupnl.base.atomic_file import write_whole
from groupnl_studies.convolutions.design import CONVOLUTIONS
from groupnl_studies.convolutions.plot import gains_over_standard, look
from groupnl_studies.convolutions.table import markdown
from groupnl_studies.grid.group import tables_of
from groupnl_studies.grid.plot import draw_accuracies, draw_differences
from groupnl_studies.grid.result import some_results
from groupnl_studies.grid.speed import read_ratios
from groupnl_studies.grid.words import csv_text

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
    results = some_results(out, CONVOLUTIONS)
    tables, ratios = tables_of(CONVOLUTIONS, results), read_ratios(out)
    write_whole(out / TABLE, "\n\n".join(markdown(groups, ratios) for groups in tables) + "\n")
    write_whole(out / CELLS, csv_text(results))
    draw_accuracies(tables, look, out / ACCURACIES)
    draw_differences([gains_over_standard(groups) for groups in tables], "points over standard", out / DIFFERENCES)
    return [path for name in (TABLE, CELLS, ACCURACIES, DIFFERENCES) if (path := out / name).is_file()]
