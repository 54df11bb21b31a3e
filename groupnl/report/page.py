"""The page: one file without scripts or anything from elsewhere; all models, then each with verdict and pictures."""

from collections.abc import Sequence
from pathlib import Path

from groupnl import __version__
from groupnl.corruptions.names import CELLS
from groupnl.report.accuracy_card import accuracy_card, estimate_sentence
from groupnl.report.candidate_card import candidate_card, candidate_sentence
from groupnl.report.charts import twin_chart
from groupnl.report.estimate import Estimate
from groupnl.report.figures import ModelFigures
from groupnl.report.gallery import gallery_card, of_model
from groupnl.report.heat_map import FEW, heat_map, ramp_key, ramp_style
from groupnl.report.late_labels import late_labels_card, late_sentence, truth_beside
from groupnl.report.markup import PERCENT, card, counted, duration, name, number, percent, span, text
from groupnl.report.tables import builds_table, power_table, shadow_table, summary_table, twin_table
from groupnl.report.traffic_card import traffic_card
from groupnl.report.traffic_words import NO_RECORD, traffic_sentences
from groupnl.report.truth import Truth
from groupnl.report.twin import Twin
from groupnl.report.words import (
    PROBE_INTERVAL,
    agreement_sentence,
    archives_sentence,
    band_sentence,
    detail_sentence,
    dropped_sentence,
    group_sentence,
    labelled_sentence,
    relative_sentence,
    twin_sentence,
)
from groupnl.robustness.examples import Example

STYLE = Path(__file__).with_name("style.css")


def page(models: Sequence[ModelFigures], source: str, period: str, made: str, examples: Sequence[Example] = ()) -> str:
    """The whole page.

    Args:
        models: what is told, in this order.
        source: where the counts come from.
        period: which time they are about.
        made: when they were read.
        examples: flips that were kept, of any models, newest first.
    """
    body = "".join(_model(place, figures, of_model(examples, figures.name)) for place, figures in enumerate(models))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Live traffic and robustness: {text(', '.join(figures.name for figures in models))}</title>"
        f"<style>{STYLE.read_text(encoding='utf-8')}{ramp_style()}</style></head><body><main>"
        "<h1>Live traffic and robustness</h1>"
        f'<p class="soft">Counted {text(period)}; read from {text(source)} at {text(made)} '
        f"by groupnl {__version__}.</p>"
        f'<section class="card">{summary_table(models)}{builds_table(models)}</section>'
        f"{body}</main></body></html>\n"
    )


def _model(place: int, figures: ModelFigures, examples: Sequence[Example]) -> str:
    how = "Images chosen for a second answer, and what became of them. Clients notice nothing of any of this."
    parts = [
        f'<h2 id="model-{place}">{name(figures.name)}</h2>',
        _verdict(figures),
        _headline(figures),
        traffic_card(figures.traffic) if figures.traffic is not None else "",
        accuracy_card(figures),
        _map(figures),
        _twin_card(figures.name, figures.twin) if figures.twin is not None else "",
        _labelled(figures.labelled, figures.estimate) if figures.labelled is not None else "",
        late_labels_card(figures.late, figures.estimate) if figures.late is not None else "",
        *(candidate_card(figures.name, candidate) for candidate in figures.candidates),
        gallery_card(examples),
        card("Shadow requests", shadow_table(figures), how),
    ]
    return f'<section class="model">{"".join(parts)}</section>'


def _verdict(figures: ModelFigures) -> str:
    traffic = figures.traffic
    sentences = [
        archives_sentence(figures),
        detail_sentence(figures),
        *(traffic_sentences(traffic, sum(figures.repeated.values())) if traffic is not None else []),
        estimate_sentence(figures.estimate),
        agreement_sentence(figures),
        group_sentence(figures),
        dropped_sentence(figures),
        band_sentence(figures),
        *_twin_sentences(figures),
        late_sentence(figures.late) if figures.late is not None else "",
        *(candidate_sentence(figures.name, candidate) for candidate in figures.candidates),
        NO_RECORD if traffic is None and figures.archives < 2 else "",
    ]
    return '<section class="card verdict">' + "".join(f"<p>{told}</p>" for told in sentences if told) + "</section>"


def _twin_sentences(figures: ModelFigures) -> list[str]:
    if figures.twin is None:
        return []
    reference = figures.twin.reference
    errors = relative_sentence(
        "Wrong answers to the probe set", figures.relative_error, reference, "it is more often right"
    )
    return [
        twin_sentence(figures.name, figures.twin),
        relative_sentence("Answers that flip", figures.twin.relative_flips, reference, "fewer of the model's flip"),
        f"{errors} {PROBE_INTERVAL}" if errors else "",
    ]


def _headline(figures: ModelFigures) -> str:
    dropped = sum(figures.dropped.values())
    boxes = [
        *_estimated_box(figures.estimate),
        ("answers stayed", percent(figures.agreement.value), f"{span(figures.agreement)}, 95{PERCENT} interval"),
        *(
            [("class still in its group", percent(group.value), f"{span(group)}, 95{PERCENT} interval")]
            if (group := figures.in_group)
            else []
        ),
        ("class still among five", percent(figures.top5.value), f"{span(figures.top5)}, 95{PERCENT} interval"),
        ("requests", number(sum(figures.requests.values())), _statuses(figures)),
        (
            "chosen and dropped",
            percent(figures.dropped_share),
            counted(dropped, "image"),
        ),
    ]
    if figures.latency_s:
        boxes.append(
            ("99 % of batches within", duration(figures.latency_s[2]), f"median {duration(figures.latency_s[0])}")
        )
    return (
        '<div class="figures">'
        + "".join(
            f'<div class="figure"><span>{text(label)}</span><b>{text(value)}</b><span>{text(note)}</span></div>'
            for label, value, note in boxes
        )
        + "</div>"
    )


def _estimated_box(estimate: Estimate | None) -> list[tuple[str, str, str]]:
    if estimate is None:
        return []
    if estimate.withdrawn:
        return [("right, estimated", "withdrawn", "the traffic is broken")]
    low, high = (100 * end for end in estimate.clean[1:])
    return [("right, estimated", percent(estimate.clean.value), f"{low:.0f} to {high:.0f}{PERCENT}, without labels")]


def _statuses(figures: ModelFigures) -> str:
    return (
        "; ".join(f"{code}:\N{NO-BREAK SPACE}{number(count)}" for code, count in figures.requests.items() if count)
        or "none yet"
    )


def _labelled(truth: Truth, estimate: Estimate | None) -> str:
    caption = "Accuracy on requests of known class, all severities together"
    beside = truth_beside(estimate, truth, caption) if estimate is not None else ""
    return f'<section class="card"><p>{labelled_sentence(truth)}</p>{beside}</section>'


def _map(figures: ModelFigures) -> str:
    how = (
        f"Share of live images whose best class was the same under the corruption: {ramp_key()}. Dashed frame: fewer "
        f"than {FEW} pairs, the figure may be far off. Of {len(CELLS)} intervals about five miss the truth; looked at "
        "again and again, more do at some time. Severities are the published ones, no common scale: snow is milder at "
        "3 than at 2."
    )
    if "corruptions" in figures.details:
        how += " Replicas with --metrics-detail corruptions show no severities: they are in the last column alone."
    return card("Did the answer stay? Corruption by severity", heat_map(figures), how)


def _twin_card(model: str, twin: Twin) -> str:
    bars = (
        "Both answered the same corrupted pixels; to hold is to keep one's own clean answer, right or wrong. Bars: "
        f'difference in percent of the pairs, <span class="side reference"></span>to the left where '
        f'{name(twin.reference)} holds more often, <span class="side model"></span>to the right where '
        f"{name(model)} does"
    )
    title, content = f"{model} against {twin.reference}", twin_chart(twin) + twin_table(model, twin)
    if twin.overall.in_window:
        how = (
            f"{bars}; none is filled, as a window decides nothing. The intervals are of this look alone: about one of "
            "the nineteen misses the truth, and where the page is made again and again each does at some time."
        )
        return card(title, content, how)
    how = (
        f"{bars}; hollow ones are not decided. The test may be looked at any time: where two models are alike, at most "
        "one in twenty is ever decided, for counts from one beginning on and one set of replicas. Each start without "
        "its old counts begins anew. With nineteen corruptions side by side one may err by chance: the line “all” is "
        "the verdict."
    )
    return card(title, content + power_table(), how)
