"""groupnl report: the page's tables and words, as a screen reader has them."""

import re

import pytest
from prometheus_client import CollectorRegistry, Gauge
from support.report_page import PAGE, PAGES, SAMPLES, SERVED, TWIN, counted, elements
from support.reported import samples_of

from groupnl import __version__
from groupnl.metrics import BUILD_INFO, Metrics
from groupnl.report.figures import figures_of, model_names
from groupnl.report.page import page
from groupnl.report.tables import builds_table


# All models and builds; map, twin, its power, truth, shadows; the twin has no twin. Then of traffic what it carries,
# what that leads to expect, ranks, answers, classes and files; estimate, late labels; three of the candidate.
@pytest.mark.parametrize(("content", "number"), [(PAGE, 2 + 5 + 3), (PAGES["full"], 2 + 5 + 6 + 2 + 3)], ids=PAGES)
def test_tables_name_themselves_their_columns_and_their_rows(content: str, number: int) -> None:
    tables = elements("table", content=content)
    assert len(tables) == number
    captions = [element for element in elements("caption", content=content) if element.text]
    assert [caption.around[-1].tag for caption in captions] == ["table"] * len(tables)
    assert all(
        head.attributes["scope"] in (("col",) if head.inside("thead") else ("row", "rowgroup"))
        for head in elements("th", content=content)
    )
    assert all(head.text for head in elements("th", content=content))
    assert "<tr><td" not in content  # each row begins with its name


def test_intervals_are_text() -> None:
    (cell, *_) = [cell for cell in elements("td") if "step-" in (cell.attributes.get("class") or "")]
    assert cell.text == "75 % 53 to 89 % n = 20"  # Wilson's, of 15 among 20
    assert cell.attributes["class"] == "step-7 few"
    assert "title=" not in PAGE
    assert PAGE.count("<title>") == 1
    assert "fog 25 % 11 to 47 % 200 19 % to 100.0 % 100" in [row.text for row in elements("tr")]  # the probe set's


def test_all_models_come_first_and_the_twin_last() -> None:
    assert model_names(SAMPLES) == [SERVED, TWIN]
    summary = [row.text for row in elements("tr") if row.around[-1].tag == "tbody"][:2]
    assert summary == [
        f"{SERVED} 75 % 73 to 77 % 1,900 not decided 5 -",
        f"{TWIN} 75 % 73 to 77 % 1,900 twin of {SERVED} 5 -",
    ]
    addresses = [link.attributes["href"] for link in elements("a")]
    assert addresses == [f"#{head.attributes['id']}" for head in elements("h2")]


def test_models_that_share_a_twin_come_before_it() -> None:
    samples = samples_of(counted("es"), counted("zoo"), counted("mono_es", "es"), counted("gnl_es", "es"))
    names = model_names(samples)
    assert sorted(names) == ["es", "gnl_es", "mono_es", "zoo"]
    assert names.index("gnl_es") < names.index("es") > names.index("mono_es")


def test_it_is_told_what_was_served_and_who_wrote_the_page() -> None:
    rows = [row.text for row in elements("tr")]
    assert f"{SERVED} net_{SERVED} aot bfloat16 2.14.1+cpu 1.0 0123456789abcdef…" in rows
    (told,) = [element.text for element in elements("p") if element.text.startswith("Counted")]
    assert told == f"Counted since the start; read from http://here at now by groupnl {__version__}."


def test_a_model_that_changed_has_several_builds() -> None:
    registry = counted(SERVED)
    Metrics(SERVED, other := CollectorRegistry()).set(
        BUILD_INFO, 1, version="2.0", arch="n", engine="eager", precision="float32", torch="2.14.0", archive_sha256=""
    )
    figures = figures_of(samples_of(registry, other), SERVED)
    builds = figures.builds
    assert f"<b>2 archives</b> answered as {SERVED} in this time" in page([figures], "s", "p", "t")
    assert "archives</b>" not in page([figures_of(samples_of(registry), SERVED)], "s", "p", "t")
    assert [(build.version, build.engine, build.torch) for build in builds] == [
        ("2.0", "eager", "2.14.0"),
        ("1.0", "aot", "2.14.1+cpu"),
    ]


def test_a_service_that_does_not_tell_its_torch_is_read() -> None:
    metrics = CollectorRegistry()
    labels = {"model": SERVED, "version": "1.0", "arch": "n", "engine": "eager", "precision": "float32"}
    Gauge(BUILD_INFO.name, "of an older groupnl", list(labels), registry=metrics).labels(**labels).set(1)
    figures = figures_of(samples_of(metrics), SERVED)
    assert [build.torch for build in figures.builds] == [""]
    assert re.search("float32.*not known.*1.0.*not known", builds_table([figures]))
