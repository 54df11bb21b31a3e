"""The card of a candidate: how often both say the same, who is right, who holds, what it costs, where they differ."""

from groupnl.report.candidate import Candidate, Right
from groupnl.report.charts import twin_chart
from groupnl.report.compared import Disagreement
from groupnl.report.markup import card, counted, difference, duration, is_one, name, number, percent, span, table, text
from groupnl.report.tables import twin_table
from groupnl.report.words import twin_sentence

_HOW = (
    "A second archive answers the images that are chosen for shadow requests; clients get the model's answers. That "
    "both say the same does not say that it is right: where they differ, only known classes tell who is. Bars, as "
    "against a twin: who keeps its own clean answer under corruption."
)


def candidate_card(model: str, candidate: Candidate) -> str:
    """Everything about one candidate of a model."""
    sentences = [
        candidate_sentence(model, candidate),
        _right(model, candidate),
        _holds(model, candidate),
        _gate(model, candidate),
    ]
    content = "".join(f"<p>{told}</p>" for told in sentences if told)
    content += _side_by_side(model, candidate) + _disagreements(model, candidate)
    if candidate.holds.overall.pairs:
        content += twin_chart(candidate.holds) + twin_table(model, candidate.holds)
    return card(f"Candidate {candidate.name} beside {model}", content, _HOW)


def candidate_sentence(model: str, candidate: Candidate) -> str:
    """How often both gave the same class."""
    failed, asked = candidate.failed.good, candidate.failed.total
    failures = (
        f" To {number(failed)} of {counted(asked, 'image')} it had no answer ({percent(candidate.failed.value)})."
        if failed
        else ""
    )
    if not candidate.agrees.total:
        return f"No image has yet been answered by both {text(model)} and {text(candidate.name)}.{failures}"
    return (
        f"Over {counted(candidate.agrees.total, 'live image')} {text(candidate.name)} gave the same best class as "
        f"{text(model)} in <b>{percent(candidate.agrees.value)}</b> ({span(candidate.agrees)}).{failures}"
    )


def _right(model: str, candidate: Candidate) -> str:
    right = candidate.right
    if right is None:
        return "Which of the two is more often right is not known: no client has told a class."
    return (
        f"Of {counted(right.model.total, 'image')} of known class {text(model)} was right in "
        f"{percent(right.model.value)} and {text(candidate.name)} in {percent(right.candidate.value)}: "
        f"{difference(right.difference, right.interval)} for {text(candidate.name)}. {_decided(right, candidate)}"
    )


def _decided(right: Right, candidate: Candidate) -> str:
    low, high = right.interval
    if low <= 0 <= high:
        return "As the interval holds 0, that tells no difference yet."
    if candidate.in_window:
        return "The interval is of this one look; looked at again and again, it misses at some time."
    return "The interval may be looked at any time."


def _holds(model: str, candidate: Candidate) -> str:
    return twin_sentence(model, candidate.holds) if candidate.holds.overall.pairs else ""


def _gate(model: str, candidate: Candidate) -> str:
    return (
        f"Whether {text(candidate.name)} may take {text(model)}'s place: "
        f"<code>groupnl gate --model {text(model)} --candidate {text(candidate.name)}</code> with the address that "
        "this page was read from. Its test may be asked at any time; it ends with 0 for yes, 1 for no, 2 for not "
        "enough yet."
    )


def _side_by_side(model: str, candidate: Candidate) -> str:
    rows = []
    if right := candidate.right:
        rows.append(
            ("right, of known class", *(f"{percent(s.value)} ({span(s)})" for s in (right.model, right.candidate)))
        )
    for place, words in ((0, "an image, median"), (2, "99 % of the images within")):
        times = [seconds[place] if seconds else None for seconds in (candidate.model_s, candidate.candidate_s)]
        if any(times):
            rows.append((words, *(duration(seconds) if seconds is not None else "-" for seconds in times)))
    rows.append(("without an answer", "-", number(candidate.failed.good)))
    head = ("in the shadow process", name(model), name(candidate.name))
    return table(f"{model} and {candidate.name} side by side", head, rows)


def _disagreements(model: str, candidate: Candidate) -> str:
    if not candidate.disagreements and not candidate.others:
        return ""
    total = sum(pair.images for pair in candidate.disagreements) + candidate.others
    rows = [_pair(pair, total) for pair in candidate.disagreements]
    if candidate.others:
        rows.append(("all others", "", number(candidate.others), percent(candidate.others / total)))
    head = (f"{name(model)} says", f"{name(candidate.name)} says", "images", "of all that differ")
    what = "image" if is_one(total) else "images"
    return table(f"Where the two differ: {number(total)} {what}, the most frequent first", head, rows)


def _pair(pair: Disagreement, total: float) -> tuple[str, ...]:
    return (name(pair.model_class), name(pair.candidate_class), number(pair.images), percent(pair.images / total))
