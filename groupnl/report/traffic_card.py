"""The card of the traffic: corruptions found, accuracy expected, pixels and answers by rank, classes, files."""

import math
from collections.abc import Sequence

from groupnl.report.drift import Answers, Classes, Statistic
from groupnl.report.files import Files
from groupnl.report.markup import card, estimated, name, number, percent, points, scroll, table, text
from groupnl.report.mixture import Mixture
from groupnl.report.shares import Between
from groupnl.report.traffic import Traffic
from groupnl.report.traffic_words import LEAST_COST, LOOKS, difference_words

_WIDTH, _LEFT, _RIGHT, _TOP, _ROW, _BAR = 480, 120, 10, 24, 36, 30
_HIGHEST = 0.25  # share of a step that fills a row; held-back images have a twentieth in each


def traffic_card(traffic: Traffic) -> str:
    """Everything about the traffic."""
    mixture = traffic.mixture
    how = (
        f"By {number(mixture.images)} of the chosen images, beside {number(traffic.held_back)} held-back ones. A small "
        "model that knows the nineteen corruptions says what each image looks like; how often it errs is known, and "
        "taken out of the shares. A corruption is told where its share is surely above 3 %; from about "
        f"{percent(mixture.told_from)} on, with this many images. What no corruption is like, another camera or other "
        "things in the pictures, shows below, in pixels, answers and classes: by how far they lie apart, less what "
        "chance allows."
    )
    content = ""
    if mixture.is_enough:
        content += _carried_table(mixture) + _expected_table(mixture)
        content += _rank_chart(traffic.statistics) + _drift_table(traffic.statistics) if traffic.statistics else ""
    if traffic.answers:
        content += _answers_table(traffic.answers)
    if traffic.classes is not None:
        content += _classes_table(traffic.classes)
    if traffic.files is not None:
        content += _files_table(traffic.files)
    return card("What is the traffic like?", content, how)


def _carried_table(mixture: Mixture) -> str:
    head = ("live images look", "share (95 % interval)", "severity, mean", "accuracy lost by held-back images")
    rows = [
        (
            LOOKS[each.corruption],
            estimated(each.share),
            f"{each.severity:.1f}" if each.severity is not None else "-",
            _cost(each.cost),
        )
        for each in mixture.told
    ]
    if mixture.clean is not None:
        rows.append(("free of all nineteen corruptions", estimated(mixture.clean), "-", "-"))
    return table("Corruptions that live images carry when they come", head, rows)


def _cost(cost: float | None) -> str:
    if cost is None:
        return "-"
    return points(cost) if cost >= LEAST_COST else "none"


def _expected_table(mixture: Mixture) -> str:
    if mixture.accuracy is None or mixture.agreement is None:
        return ""
    clean = percent(mixture.clean_accuracy) if mixture.clean_accuracy is not None else "-"
    rows = [
        ("right answers", estimated(mixture.accuracy), clean),
        ("answers as without the corruption", estimated(mixture.agreement), percent(1.0)),
    ]
    head = ("of held-back images", "corrupted as the traffic is (95 % interval)", "clean")
    return table("What such traffic leads to expect", head, rows)


def _rank_chart(statistics: Sequence[Statistic]) -> str:
    """For each statistic how many live images lie among the lowest to the highest held-back ones."""
    lines = [
        f'<text class="soft" x="{_LEFT}" y="15">as the lowest</text>'
        f'<text class="soft" x="{_WIDTH - _RIGHT}" y="15" text-anchor="end">as the highest</text>'
    ]
    for place, statistic in enumerate(statistics):
        floor = _TOP + place * _ROW + _BAR
        lines.append(f'<text x="{_LEFT - 10}" y="{floor - 8}" text-anchor="end">{text(statistic.name)}</text>')
        lines += _bars(statistic, floor)
        expected = floor - _height(1 / len(statistic.shares))
        lines.append(f'<path class="clean" d="M{_LEFT} {expected:.1f}H{_WIDTH - _RIGHT}"/>')
    height = _TOP + len(statistics) * _ROW
    label = "Where live images lie among held-back ones; dashed: where they are alike"
    return scroll(
        label,
        f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{text(label)}" '
        f'xmlns="http://www.w3.org/2000/svg">{"".join(lines)}</svg>',
    )


def _bars(statistic: Statistic, floor: float) -> list[str]:
    width = (_WIDTH - _RIGHT - _LEFT) / len(statistic.shares)
    kind = "model" if statistic.has_drifted else "band"
    return [
        f'<rect class="{kind}" x="{_LEFT + step * width + 1:.1f}" y="{floor - _height(share):.1f}" '
        f'width="{width - 2:.1f}" height="{_height(share):.1f}"/>'
        for step, share in enumerate(statistic.shares)
    ]


def _height(share: float) -> float:
    return max(0.0, min(1.0, share / _HIGHEST)) * _BAR


def _drift_table(statistics: Sequence[Statistic]) -> str:
    head = ("of each", "live images are", "gap", "told from")
    rows = [
        (name(each.name), difference_words(each), percent(each.gap.size), percent(each.told_from))
        for each in statistics
    ]
    caption = "Pixels of chosen images, and answers to them, among held-back ones. Gap: 0 % alike, 100 % at most"
    return table(caption, head, rows)


def _answers_table(answers: Sequence[Answers]) -> str:
    rows = [(name(each.name), percent(each.live), percent(each.expected), percent(each.gap)) for each in answers]
    head = ("mean", "live", "held back, about", "gap")
    return table("All live answers; one that comes again and again counts each time", head, rows)


def _classes_table(classes: Classes) -> str:
    rows = [(name(each.name), percent(each.live), percent(each.expected)) for each in classes.shares]
    gap = (
        f"; {percent(classes.gap.size)} would have to be another class to be as expected (chance: "
        f"{percent(classes.gap.noise)})"
        if classes.gap is not None
        else "; too few to compare all"
    )
    caption = f"Predicted classes that differ most, of {number(classes.answers)} live answers{gap}"
    return table(caption, ("class", "live", "held back"), rows)


def _files_table(files: Files) -> str:
    total = sum(files.formats.values())
    rows = [
        (text(kind.upper() if len(kind) < 5 else kind), percent(count / total)) for kind, count in files.formats.items()
    ]
    rows.append(("with EXIF", percent(files.exif.get("yes", 0.0) / total)))
    for words, found in (("longer side of 90 %, pixels", files.sides), ("JPEG quality of 90 %", files.qualities)):
        if found is not None:
            rows.append((words, _range(found)))
    return table("Files of the chosen images", ("files", "share"), rows)


def _range(found: Between) -> str:
    if math.isinf(found.most):
        return f"above {number(found.above)}"
    return f"{number(found.above + 1)} to {number(found.most)}"
