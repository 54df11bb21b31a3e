"""The kinds of panels that the dashboards are made of; each has a title, a sentence on how to read it, and queries."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from grafana_foundation_sdk.builders import barchart, heatmap, prometheus, stat, statetimeline, table, timeseries
from grafana_foundation_sdk.builders import common as common_builders
from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.builders import text as text_builders
from grafana_foundation_sdk.models import common, units
from grafana_foundation_sdk.models.dashboard import (
    DashboardLinkType,
    DataSourceRef,
    DataTransformerConfig,
    DynamicConfigValue,
    FieldColorModeId,
    Threshold,
    ValueMap,
    ValueMappingResult,
)
from grafana_foundation_sdk.models.heatmap import HeatmapColorMode
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

SOURCE = DataSourceRef(type_val="prometheus", uid="${source}")  # the variable of `page`
GREEN, YELLOW, RED, BLUE, GREY = "green", "#EAB839", "red", "blue", "text"
CLEAR = "transparent"
SHARE, COUNT, NUMBER, RATE = units.PercentUnit, units.Short, units.NoUnit, units.RequestsPerSecond
SECONDS, BYTES, WATTS = units.Seconds, units.BytesIEC, units.Watt
AGO = units.DateTimeFromNow  # of milliseconds since 1970
Steps = Sequence[tuple[float | None, str]]
Words = Mapping[str, tuple[str, str]]
PLAIN: Steps = ((None, GREY),)
FIGURES_HEIGHT = 9
LINES_HEIGHT = 8
WIDTH = 24  # of a dashboard, in Grafana's units

_COLOURED = common.TableColoredBackgroundCellOptions(mode=common.TableCellBackgroundDisplayMode.BASIC)
AnyPanel = (
    stat.Panel
    | table.Panel
    | timeseries.Panel
    | barchart.Panel
    | heatmap.Panel
    | statetimeline.Panel
    | text_builders.Panel
    | builders.Panel
)
P = TypeVar("P", stat.Panel, table.Panel, timeseries.Panel, barchart.Panel, heatmap.Panel, statetimeline.Panel)
Merged = TypeVar("Merged", table.Panel, barchart.Panel)


@dataclass(frozen=True)
class Query:
    """One query of a panel.

    Attributes:
        name: what the reader sees beside the value, or above the column. In a table it is plain text; elsewhere it may
            hold ``$watched`` and ``{{label}}``.
        expr: PromQL.
        unit: of Grafana, where it is not the panel's.
        steps: lower bounds and colours, where they are not the panel's.
        words: value -> word and colour, instead of a number.
        decimals: digits after the point; None: Grafana's choice.
    """

    name: str
    expr: str
    unit: str | None = None
    steps: Steps | None = None
    words: Words | None = None
    decimals: int | None = None


@dataclass(frozen=True)
class Text:
    """What every panel has.

    Attributes:
        title: its heading.
        reading: how to read it, in a sentence or two.
        width: of 24.
        height: in Grafana's units of 30 pixels.
        none: what stands there while there is no value.
    """

    title: str
    reading: str
    width: int
    height: int
    none: str = "nothing yet"


def figures(text: Text, queries: Sequence[Query], unit: str = SHARE, steps: Steps = PLAIN) -> stat.Panel:
    """Figures, one below the other, each with its name."""
    panel = _panel(stat.Panel(), text, queries, unit, steps, _now)
    panel.text_mode(common.BigValueTextMode.VALUE_AND_NAME).graph_mode(common.BigValueGraphMode.NONE)
    panel.color_mode(common.BigValueColorMode.VALUE).justify_mode(common.BigValueJustifyMode.CENTER)
    panel.orientation(common.VizOrientation.HORIZONTAL).no_value(text.none)
    panel.text(common_builders.VizTextDisplayOptions().title_size(15).value_size(26))
    return panel.reduce_options(common_builders.ReduceDataOptions().calcs(["lastNotNull"]))


def lines(
    text: Text, queries: Sequence[Query], unit: str, *, stacked: bool = False, most: float | None = None
) -> timeseries.Panel:
    """Lines over time from 0 upwards, with a table of their last values below."""
    panel = _panel(timeseries.Panel(), text, queries, unit, (), _over_time).min(0).no_value(text.none)
    panel.line_width(2).fill_opacity(30 if stacked else 8).show_points(common.VisibilityMode.NEVER)
    panel.legend(
        common_builders.VizLegendOptions()
        .display_mode(common.LegendDisplayMode.TABLE)
        .placement(common.LegendPlacement.BOTTOM)
        .calcs(["lastNotNull"])
        .show_legend(True)
    )
    panel.tooltip(common_builders.VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI))
    if stacked:
        panel.stacking(common_builders.StackingConfig().mode(common.StackingMode.NORMAL))
    return panel if most is None else panel.max(most)


def limit_line(panel: timeseries.Panel, *limits: float) -> timeseries.Panel:
    """The same with a dashed red line at each limit; the lowest first."""
    panel.thresholds(_thresholds([(None, CLEAR), *[(limit, RED) for limit in limits]]))
    return panel.thresholds_style(
        common_builders.GraphThresholdsStyleConfig().mode(common.GraphThresholdsStyleMode.DASHED)
    )


def heat(text: Text, query: Query, unit: str) -> heatmap.Panel:
    """How a histogram's values are spread, over time.

    Args:
        text: title and reading.
        query: of its buckets, by ``le``.
        unit: of the values.
    """
    panel = _panel(heatmap.Panel(), text, [query], COUNT, (), _buckets_over_time)
    panel.y_axis(heatmap.YAxisConfig().unit(unit)).calculate(False)
    return panel.color(heatmap.HeatmapColorOptions().mode(HeatmapColorMode.SCHEME).scheme("Blues"))


def states(text: Text, queries: Sequence[Query], words: Words) -> statetimeline.Panel:
    """What was so, and when: a line for each series, a colour for each value."""
    panel = _panel(statetimeline.Panel(), text, queries, NUMBER, PLAIN, _over_time).no_value(text.none)
    return panel.mappings([_value_map(words)]).show_value(common.VisibilityMode.NEVER).merge_values(True)


def rows(
    text: Text, keys: Sequence[str], queries: Sequence[Query], unit: str = SHARE, largest: str = ""
) -> table.Panel:
    """A table: a row for each value of the labels, a column for each query.

    Args:
        text: title and reading.
        keys: the labels; rows are in their order.
        queries: of the columns.
        unit: of the columns.
        largest: the column whose largest values come first; "": rows are in the order of the labels.
    """
    panel = _merged(_panel(table.Panel(), text, queries, unit, PLAIN, _now_as_table), queries)
    for key in reversed(keys):
        panel.with_transformation(_sorted_by(key))
    if largest:
        panel.with_transformation(_sorted_by(largest, falling=True))
    return panel.cell_height(common.TableCellHeight.SM).no_value("")


def bars(text: Text, label: str, queries: Sequence[Query]) -> barchart.Panel:
    """Shares beside each other: a group of bars for each value of a label, in its order; a bar for each query."""
    panel = _merged(_panel(barchart.Panel(), text, queries, SHARE, (), _now_as_table), queries)
    panel.with_transformation(_sorted_by(label))
    panel.x_field(label).min(0).max(1).show_value(common.VisibilityMode.NEVER).no_value(text.none)
    return panel.tooltip(common_builders.VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI))


def _merged(panel: Merged, queries: Sequence[Query]) -> Merged:
    """All answers as one table, whose columns have the queries' names."""
    letters = {f"Value #{_ref(index)}": query.name for index, query in enumerate(queries)}
    panel.with_transformation(DataTransformerConfig("merge", options={}))
    return panel.with_transformation(
        DataTransformerConfig("organize", options={"excludeByName": {"Time": True}, "renameByName": letters})
    )


def matrix(
    text: Text, row: str, column: str, query: Query, unit: str, colours: FieldColorModeId, most: float | None
) -> table.Panel:
    """A heat map with a number in each cell: two labels against each other.

    Args:
        text: title and reading.
        row: the label whose values are the rows.
        column: the label whose values are the columns.
        query: of the cells.
        unit: of the cells.
        colours: one of Grafana's continuous scales.
        most: where the scale ends; None: at the largest value. It begins at 0.
    """
    panel = _panel(table.Panel(), text, [query], unit, PLAIN, _now_as_table).min(0).decimals(query.decimals or 0)
    for key in (row, column):  # a stable order of rows, and of columns within
        panel.with_transformation(_sorted_by(key))
    fields = {"rowField": row, "columnField": column, "valueField": "Value", "emptyValue": "null"}
    panel.with_transformation(DataTransformerConfig("groupingToMatrix", options=fields))
    panel.color_scheme(builders.FieldColor().mode(colours))
    panel.cell_options(_COLOURED)
    panel.override_by_field_type("string", [DynamicConfigValue("custom.cellOptions", {"type": "auto"})])
    panel.cell_height(common.TableCellHeight.SM).align(common.FieldTextAlignment.CENTER).no_value("")
    return panel if most is None else panel.max(most)


def linked_dashboard(title: str, uid: str) -> builders.DashboardLink:
    """A link to another of our dashboards, with the same variables and time."""
    link = builders.DashboardLink(title).type(DashboardLinkType.LINK).url(f"/d/{uid}")
    return link.keep_time(True).include_vars(True)


def _panel(
    panel: P,
    text: Text,
    queries: Sequence[Query],
    unit: str,
    steps: Steps,
    target: Callable[[Query], prometheus.Dataquery],
) -> P:
    panel.title(text.title).description(text.reading).datasource(SOURCE).span(text.width).height(text.height).unit(unit)
    if steps:
        panel.thresholds(_thresholds(steps)).color_scheme(builders.FieldColor().mode(FieldColorModeId.THRESHOLDS))
    for index, query in enumerate(queries):
        panel.with_target(target(query).ref_id(_ref(index)).datasource(SOURCE))
        if properties := _properties(query):
            _override(panel, index, query, properties)
    return panel


def _override(panel: AnyPanel, index: int, query: Query, properties: list[DynamicConfigValue]) -> None:
    """In a merged table only the name says which query a column is of; elsewhere the name may hold a variable."""
    if isinstance(panel, table.Panel | barchart.Panel):
        cells = [DynamicConfigValue("custom.cellOptions", _COLOURED)] if query.steps or query.words else []
        panel.override_by_name(query.name, [*properties, *cells])
    else:
        panel.override_by_query(_ref(index), properties)


def _properties(query: Query) -> list[DynamicConfigValue]:
    """What is different for one query from its panel."""
    found: list[DynamicConfigValue] = []
    if query.unit is not None:
        found.append(DynamicConfigValue("unit", query.unit))
    if query.decimals is not None:
        found.append(DynamicConfigValue("decimals", query.decimals))
    if query.steps is not None:
        found.append(DynamicConfigValue("thresholds", _thresholds(query.steps).build()))
    if query.words is not None:
        found.append(DynamicConfigValue("mappings", [_value_map(query.words)]))
    return found


def _value_map(words: Words) -> ValueMap:
    return ValueMap(
        options={value: ValueMappingResult(text=word, color=colour) for value, (word, colour) in words.items()}
    )


def _now(query: Query) -> prometheus.Dataquery:
    return prometheus.Dataquery().expr(query.expr).legend_format(query.name).instant()


def _now_as_table(query: Query) -> prometheus.Dataquery:
    return prometheus.Dataquery().expr(query.expr).format(PromQueryFormat.TABLE).instant()


def _over_time(query: Query) -> prometheus.Dataquery:
    return prometheus.Dataquery().expr(query.expr).legend_format(query.name).range()


def _buckets_over_time(query: Query) -> prometheus.Dataquery:
    return _over_time(query).format(PromQueryFormat.HEATMAP)


def _ref(index: int) -> str:
    return chr(ord("A") + index)


def _sorted_by(field: str, *, falling: bool = False) -> DataTransformerConfig:
    order = {"field": field, "desc": True} if falling else {"field": field}
    return DataTransformerConfig("sortBy", options={"fields": {}, "sort": [order]})


def _thresholds(steps: Steps) -> builders.ThresholdsConfig:
    return builders.ThresholdsConfig().steps([Threshold(value=value, color=colour) for value, colour in steps])
