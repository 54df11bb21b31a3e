"""groupnl study live-vs-offline: what is computed of counts whose truth is known."""

import random
from pathlib import Path

import pytest
from support.offline_record import offline_record

from groupnl.corruptions.names import CELLS, NAMES, Cell
from groupnl.errors import ConfigError
from groupnl.metrics import LABELLED, LABELLED_CORRECT, SHADOW_FLIPS, SHADOW_PAIRS
from groupnl.robustness.record import RobustnessRecord
from groupnl_studies.harness.scrape import Scrape
from groupnl_studies.live_vs_offline import figures as study
from groupnl_studies.live_vs_offline.command import live_rows, read_packed
from groupnl_studies.live_vs_offline.plot import draw
from groupnl_studies.live_vs_offline.run import labelled_images, requests_of
from groupnl_studies.live_vs_offline.twin import ALL, relative_line, twin_rows, twin_table

IMAGES = 1000


def record(flips: int, correct: int) -> RobustnessRecord:
    """Every cell alike."""
    return offline_record(lambda _: (flips, correct), images=IMAGES, clean_correct=900)


@pytest.fixture
def scrape() -> Scrape:
    """A service whose answers are drawn with 30 % flips and 65 % right ones."""
    rng = random.Random(0)
    lines = []
    for name, severity in CELLS:
        counts = {
            SHADOW_PAIRS: 150,
            SHADOW_FLIPS: sum(rng.random() < 0.3 for _ in range(150)),
            LABELLED: 150,
            LABELLED_CORRECT: sum(rng.random() < 0.65 for _ in range(150)),
        }
        labels = f'model="m",corruption="{name}",severity="{severity}"'
        lines += [f"{family.name}{{{labels}}} {count}" for family, count in counts.items()]
    return Scrape("\n".join(lines) + "\n")


def test_intervals_hold_the_truth_about_as_often_as_they_say(scrape: Scrape) -> None:
    rows = live_rows("m", scrape, record(flips=300, correct=650))
    assert {row.figure for row in rows} == {study.AGREEMENT, study.ACCURACY}  # nothing was probed
    found = study.summarise([row for row in rows if row.figure == study.AGREEMENT])
    assert (found.cells, found.answered) == (95, 95 * 150)
    assert 0.88 <= found.coverage <= 1
    assert abs(found.bias) < 0.01
    assert 0.02 < found.error < 0.045  # the mean absolute error of a normal estimate: 0.8 deviations of 0.037
    assert found.half_width == pytest.approx(0.072, abs=0.003)


def test_a_wrong_truth_shows(scrape: Scrape) -> None:
    rows = live_rows("m", scrape, record(flips=100, correct=650))
    found = study.summarise([row for row in rows if row.figure == study.AGREEMENT])
    assert found.bias == pytest.approx(-0.2, abs=0.01)
    assert found.coverage < 0.05


def test_the_band_bounds_the_loss_of_accuracy() -> None:
    counts = dict.fromkeys(CELLS, 100)
    rows = study.compare("m", study.AGREEMENT, dict.fromkeys(CELLS, 70), counts, dict.fromkeys(CELLS, 0.7))
    inside = study.band(rows, record(flips=300, correct=650), clean_accuracy=0.9)
    assert (inside.holds, inside.bare_holds) == (1, 1)
    assert inside.bare_half_width == pytest.approx(0.3)
    assert inside.loss == pytest.approx(0.25)
    just_outside = study.band(rows, record(flips=300, correct=580), clean_accuracy=0.9)  # a loss of 0.32
    assert (just_outside.holds, just_outside.bare_holds) == (1, 0)
    assert just_outside.half_width > 0.32


def test_cells_without_answers_are_left_out() -> None:
    rows = study.compare("m", study.PROBE, {CELLS[3]: 1}, {CELLS[3]: 2, CELLS[4]: 0}, dict.fromkeys(CELLS, 0.5))
    assert [(row.corruption, row.severity, row.answered, row.live) for row in rows] == [(*CELLS[3], 2, 0.5)]


@pytest.mark.slow
def test_files_and_tables(scrape: Scrape, tmp_path: Path) -> None:
    rows = live_rows("m", scrape, record(flips=300, correct=650))
    study.write_csv(rows, tmp_path / "x.csv")
    lines = (tmp_path / "x.csv").read_text().splitlines()
    assert lines[0] == "model,figure,corruption,severity,answered,live,low,high,offline"
    assert lines[1].startswith("m,agreement,gaussian_noise,1,150,0.")
    assert lines[1].endswith(",0.7000")
    assert len(lines) == 1 + 2 * 95
    assert len(study.summary_table(rows, ["m"]).splitlines()) == 2 + 2
    table = study.corruption_table(rows, ["m"]).splitlines()
    assert len(table) == 2 + len(NAMES)
    assert all(line.endswith("% | 70.0% |") for line in table[2:])
    for number in (1, 2):
        draw(rows, {"m": 0.9}, tmp_path / f"{number}.svg")
    assert (tmp_path / "1.svg").read_bytes() == (tmp_path / "2.svg").read_bytes()


def test_the_twins_difference_has_the_sign_of_the_offline_one() -> None:
    outcomes = {name: {"both_hold": 60, "model_only": 25, "reference_only": 5, "both_flip": 10} for name in NAMES}
    ours, theirs = record(flips=150, correct=0), record(flips=350, correct=0)
    rows = twin_rows(outcomes, ours, theirs)
    assert [row.corruption for row in rows] == [*NAMES, ALL]
    assert rows[0].live == pytest.approx(0.2)
    assert rows[0].offline == pytest.approx(0.2)
    assert (rows[0].verdict, rows[-1].verdict) == ("undecided", "model")
    assert (rows[-1].pairs, rows[-1].model_only, rows[-1].reference_only) == (1900, 475, 95)
    assert len(twin_table(rows).splitlines()) == 2 + 20
    assert f"live {15 / 35:.3f} " in relative_line(outcomes, ours, theirs)
    assert f"offline {150 / 350:.3f}." in relative_line(outcomes, ours, theirs)


def test_requests_carry_key_and_label(tmp_path: Path) -> None:
    for name in ("a/cat/1.png", "a/dog/2.png"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_bytes(name.encode())
    images = labelled_images(tmp_path, ["a"])
    requests = list(requests_of(images, "m", 3))
    assert [dict(request.headers) for request in requests] == [
        {"X-Request-Key": "a/cat/1-3", "X-Label": "cat"},
        {"X-Request-Key": "a/dog/2-3", "X-Label": "dog"},
    ]
    assert requests[1].path == "/predictions/m"
    assert requests[1].body == b"a/dog/2.png"
    with pytest.raises(ConfigError, match="b has no images"):
        labelled_images(tmp_path, ["a", "b"])


def test_an_archive_without_offline_figures(tmp_path: Path) -> None:
    (tmp_path / "x.mar").write_bytes(b"no zip")
    with pytest.raises(ConfigError, match="is no archive"):
        read_packed(tmp_path / "x.mar")


def test_offline_shares() -> None:
    ours = record(flips=300, correct=650)
    assert study.offline_agreement(ours)[Cell("fog", 2)] == pytest.approx(0.7)
    assert study.offline_accuracy(ours)[Cell("fog", 2)] == pytest.approx(0.65)
