"""The whole of a study: numbers, formats, sentences, and every odd state a study can be in."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from eval.report.study_files import render, write_study
from eval.report.study_plots import plots, svg
from eval.study.statistics.correction import corrected_mos
from eval.study.statistics.correlation import StudyScores
from eval.study.statistics.marks import last_marks, marks_of
from eval.study.statistics.results import results
from tests.study.simulated import QUESTIONS, study, table

CHINESE = re.compile(r"[\u4e00-\u9fff]")
FORMATS = ("csv", "json", "latex", "md")
VOTES = ["rater", "item", "first", "second", "left", "outcome"]


@pytest.fixture(scope="module")
def usual() -> pd.DataFrame:
    """24 honest raters and 3 clickers, 4 methods and a hidden reference, 6 items, 3 questions."""
    return study(np.random.default_rng(0), 24, 3, catch=2)


def ballots(rows: list[tuple[object, ...]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=VOTES).assign(
        kind="rated", question="overall", seconds=14.0, clip_seconds=10.0
    )


def test_numbers_of_a_small_study_by_hand():
    marks = table(
        [
            ("r0", "i0", "a", 4), ("r0", "i0", "b", 2), ("r0", "i0", "real", 5),
            ("r1", "i0", "a", 5), ("r1", "i0", "b", 2), ("r1", "i0", "real", 4),
            ("r0", "i1", "a", 3), ("r0", "i1", "b", 1), ("r1", "i1", "a", 4),
        ]
    )  # fmt: skip
    said = results(marks)
    a, b = said.outcomes["sync", "a"], said.outcomes["sync", "b"]
    assert (said.methods, said.reference, said.items) == (("a", "b"), "real", ("i0", "i1"))
    assert a.opinion.mos == pytest.approx((4.5 + 3.5) / 2)
    assert b.opinion.mos == pytest.approx((2 + 1) / 2)
    assert a.dmos.mos == pytest.approx(((4 - 5 + 5) + (5 - 4 + 5)) / 2)
    assert (a.dmos.marks, b.dmos.marks) == (2, 2)
    assert said.outcomes["sync", "real"].dmos is None
    assert said.clips["sync", "i0", "a"].opinion.mos == 4.5
    assert said.clips["sync", "i1", "a"].dmos is None or said.clips["sync", "i1", "a"].dmos.mos is None


def test_training_and_catch_clips_count_nowhere_and_the_last_mark_counts():
    rows = [("r0", "i0", "a", 2), ("r1", "i0", "a", 4)]
    marks = pd.concat(
        [
            table(rows),
            table([("r0", "i0", "a", 3)]).assign(time=pd.Timestamp("2020", tz="UTC")),
            table([("r0", "t", "x", 1), ("r1", "t", "x", 1)], kind="training"),
            table([("r0", "c", "catch", 1)], kind="catch", passed=True),
        ]
    )
    said = results(marks)
    assert said.methods == ("a",)
    assert said.outcomes["sync", "a"].opinion.histogram == (0, 0, 1, 1, 0)


def test_screening_can_be_switched_off_and_still_tells_whom_it_would_leave_out(usual):
    with_it, without = results(usual), results(usual, screening=False)
    assert {entry.rater for entry in with_it.excluded} >= {"c0", "c1", "c2"}
    assert with_it.excluded == without.excluded
    assert (with_it.used, without.used) == (27 - len(with_it.excluded), 27)
    assert without.outcomes["sync", "m0"].opinion.raters == 27
    assert with_it.outcomes["sync", "m0"].opinion.raters == with_it.used
    assert with_it.agreement["sync"].alpha.value > without.agreement["sync"].alpha.value
    assert f"Left out of the numbers: {len(with_it.excluded)} of 27 raters." in with_it.caveats
    assert any("would leave out" in note for note in without.caveats)


def test_order_is_the_studys():
    marks = pd.concat([table([("r", "i", m, 3)], q) for m, q in (("b", "two"), ("a", "one"))])
    assert results(marks).questions == ("two", "one")
    said = results(marks, questions=["one", "two", "three"], methods=["b", "a", "c"])
    assert (said.questions, said.methods) == (("one", "two"), ("b", "a"))


def test_csv_holds_every_method_and_question(usual):
    said = results(usual)
    rows = list(csv.DictReader(io.StringIO(render(said, "csv"))))
    assert [(row["question"], row["method"]) for row in rows] == list(said.outcomes)
    row = next(row for row in rows if (row["question"], row["method"]) == ("quality", "m2"))
    outcome = said.outcomes["quality", "m2"]
    assert float(row["mos"]) == pytest.approx(outcome.opinion.mos, rel=1e-5)
    assert float(row["dmos"]) == pytest.approx(outcome.dmos.mos, rel=1e-5)
    assert [int(row[str(mark)]) for mark in range(1, 6)] == list(outcome.opinion.histogram)
    assert [r["method"] for r in rows if r["hidden reference"]] == ["real"] * 3


@pytest.mark.parametrize("asked", [{}, {"shrink": True}])
def test_corrected_mos_is_p913_and_with_shrinkage_only_where_asked_for(usual, asked):
    marks = marks_of(last_marks(usual), "sync")
    quality = corrected_mos(marks.values, shrink=bool(asked)).quality
    said = results(usual, screening=False, **asked)
    rows = list(csv.DictReader(io.StringIO(render(said, "csv"))))
    for row in rows[:5]:
        wanted = quality[np.array(marks.methods) == row["method"]].mean()
        assert said.outcomes["sync", row["method"]].corrected == pytest.approx(wanted, abs=1e-9)
        assert float(row["corrected mos (shrunk)" if asked else "corrected mos"]) == pytest.approx(
            wanted, 1e-5
        )
    assert json.loads(render(said, "json"))["shrunk"] is bool(asked)


def test_the_papers_table_marks_the_best_and_not_the_reference(usual):
    said = results(usual)
    best = {q: max(said.methods, key=lambda m: said.outcomes[q, m].opinion.mos) for q in QUESTIONS}
    lines = render(said, "md").splitlines()
    head = next(n for n, line in enumerate(lines) if line.startswith("| Method"))
    assert lines[head] == "| Method | marks | Sync accuracy ↑ | Visual quality ↑ | Overall ↑ |"
    table_rows = {line.split("|")[1].strip(): line.split("|")[3:6] for line in lines[head + 2 : head + 7]}
    assert set(table_rows) == {*said.methods, "*real* (hidden reference)"}
    for column, question in enumerate(QUESTIONS):
        o = said.outcomes[question, best[question]].opinion
        cell = table_rows[best[question]][column].strip()
        assert cell == f"**{o.mos:.2f}** ± {o.margin:.2f}"
    assert "**" not in "".join(table_rows["*real* (hidden reference)"])


def test_a_dagger_stands_where_the_test_says_so(usual):
    said = results(usual)
    best = max(said.methods, key=lambda m: said.outcomes["sync", m].opinion.mos)
    apart = {
        name
        for contrast in said.contrasts["sync"]
        if contrast.test.p_holm < 0.05 and best in (contrast.test.a, contrast.test.b)
        for name in (contrast.test.a, contrast.test.b)
    } - {best}
    lines = render(said, "md").split("DMOS")[0].splitlines()
    marked = {
        line.split("|")[1].strip() for line in lines if line.startswith("|") and "†" in line.split("|")[3]
    }
    assert marked == apart
    assert apart


def test_json_and_latex_say_the_same(usual):
    said = results(usual)
    data = json.loads(render(said, "json"))
    entry = next(e for e in data["results"] if (e["question"], e["method"]) == ("sync", "m1"))
    assert entry["opinion"]["mos"] == pytest.approx(said.outcomes["sync", "m1"].opinion.mos)
    assert len(data["clips"]) == 3 * 30
    assert len(data["contrasts"]["sync"]) == 6
    text = render(said, "latex")
    assert f"{said.outcomes['sync', 'm1'].opinion.mos:.2f}" in text
    assert text.count(r"\begin{tabular}") == text.count(r"\end{tabular}") == 2  # MOS and DMOS


def test_metrics_are_correlated_clip_by_clip(usual):
    said = results(usual)
    mos = {(i, m): o.opinion.mos for (q, i, m), o in said.clips.items() if q == "sync"}
    scored = results(usual, scores={"LSE-C": mos, "PSNR": {("i0", "m0"): 1.0}})
    by_name = {(c.question, c.metric): c for c in scored.correlations}
    assert by_name["sync", "LSE-C"].spearman == pytest.approx(1)
    assert by_name["sync", "LSE-C"].clips == 24  # the hidden reference takes no part
    assert 0.3 < by_name["overall", "LSE-C"].spearman <= 1
    assert by_name["sync", "PSNR"].spearman is None
    assert "Clips with both a score and marks: 1" in render(scored, "md")


NOBODY: list[tuple[str, str, str, int]] = []
STATES = {
    "nothing": table(NOBODY),
    "no columns": pd.DataFrame(),
    "one mark": table([("r", "i", "a", 3)]),
    "one rater": table([("r", f"i{i}", m, 3 + i) for i in range(2) for m in "ab"]),
    "one method": table([(f"r{r}", f"i{i}", "a", 1 + (r + i) % 5) for r in range(4) for i in range(3)]),
    "all the same": table([(f"r{r}", f"i{i}", m, 3) for r in range(9) for i in range(3) for m in "abc"]),
    "only the reference": table([(f"r{r}", "i", "real", 4 + r % 2) for r in range(4)]),
    "missing cells": table(
        [("r0", "i0", "a", 1), ("r1", "i1", "b", 5), ("r2", "i0", "b", 3), ("r2", "i2", "a", 2)]
    ),
    "reference of other items": table([("r0", "i0", "a", 1), ("r0", "i1", "real", 5), ("r1", "i0", "a", 2)]),
    "strange names": table(
        [(f"r{r}", "=1+1", m, 2 + r) for r in range(3) for m in ("<b>$x_1$", "方法|a", "@{\\}")]
    ),
    "only catch clips": table([("r", "c", "catch", 1)], kind="catch", passed=False),
}  # fmt: skip


def numbers(value: object) -> list[float]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [number for entry in value for number in numbers(entry)]
    return [value] if isinstance(value, float) else []


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("screening", [True, False])
def test_every_state_gives_values_and_sentences_but_never_nan(state, screening):
    said = results(STATES[state], screening=screening)
    clips = list(dict.fromkeys((item, method) for _, item, method in said.clips))
    values = {
        "PSNR": {clip: float(place) for place, clip in enumerate(clips)},
        "mine": dict.fromkeys(clips, 1.0),
    }
    scores = StudyScores(values, {"PSNR": "psnr"}, {"PSNR": frozenset(["protocol 1"])})
    said = results(STATES[state], screening=screening, scores=scores)
    for form in FORMATS:
        text = render(said, form)
        assert not re.search(r"\b(nan|inf|None)\b", text, re.IGNORECASE), form
    assert all(math.isfinite(number) for number in numbers(json.loads(render(said, "json"))))
    for figure in plots(said).values():
        assert "</svg>" in svg(figure)
    for note in said.caveats:
        assert CHINESE.search(note.text("zh")), note
    if state in ("nothing", "no columns", "only catch clips"):
        assert said.caveats == ("There are no marks yet.",)
        assert said.outcomes == {}


def test_sentences_of_odd_states():
    def caveats(name: str) -> str:
        return " ".join(results(STATES[name]).caveats)

    assert "No interval, because no clip has marks from two raters: all methods." in caveats("one rater")
    assert "One rater cannot show" in caveats("one rater")
    assert "No interval, because raters never differ: all methods." in caveats("all the same")
    assert "Friedman" in caveats("all the same")
    assert "No DMOS" in caveats("reference of other items")
    assert "different clips" in caveats("missing cells") or results(STATES["missing cells"]).items == (
        "i0",
        "i1",
    )
    same = results(STATES["all the same"])
    assert same.outcomes["sync", "a"].opinion.mos == 3.0
    assert same.agreement["sync"].reason


def test_reasons_are_said_in_chinese_too(usual):
    marks = usual.copy()
    marks.loc[marks["rater"] == "r3", "mark"] = 4
    marks.loc[marks["rater"] == "r4", "seconds"] = 5.05
    rng = np.random.default_rng(9)
    seen = (marks["kind"] == "rated") & (marks["rater"] == "r5")
    marks.loc[seen, "mark"] = rng.integers(1, 6, int(seen.sum()))
    rules = {entry.rule: entry.reason for entry in results(marks).excluded}
    assert {"catch", "flat", "fast"} <= set(rules)
    assert {"bt500", "unlike"} & set(rules)
    for reason in rules.values():
        assert CHINESE.search(reason.text("zh")), reason
    for state in STATES.values():
        for found in results(state).agreement.values():
            assert not found.reason or CHINESE.search(found.reason.text("zh"))


def test_a_study_where_everybody_is_left_out_says_so():
    marks = pd.concat(
        [
            table([("r0", "i0", "a", 3), ("r1", "i0", "a", 4)]),
            table([("r0", "c", "catch", 5), ("r1", "c", "catch", 5)], kind="catch", passed=False),
        ]
    )
    said = results(marks)
    assert said.used == 0
    assert "Nobody is left: look at the marks without screening." in said.caveats
    assert "Nobody is left" in render(said, "md")
    assert results(marks, screening=False).used == 2


def test_a_study_of_pairs():
    rng = np.random.default_rng(2)
    rows = []
    for rater in range(12):
        for item in range(6):
            for a, b, chance in (("a", "b", 0.8), ("a", "c", 0.9), ("b", "c", 0.6)):
                outcome = 0.5 if rng.random() < 0.1 else float(rng.random() < chance)
                rows.append((f"r{rater}", f"i{item}", a, b, rng.choice([a, b]), outcome))
    said = results(table(NOBODY), ballots(rows))
    assert said.pairwise
    assert list(said.preference["overall"].methods) == ["a", "b", "c"]
    assert (said.questions, said.methods, said.used) == (("overall",), ("a", "b", "c"), 12)
    lines = render(said, "md").splitlines()
    assert lines[2].startswith("| Method | Overall ↑ | won (%) |")
    assert lines[4].startswith("| a | **")
    (best, *_) = csv.DictReader(io.StringIO(render(said, "csv")))
    assert (best["method"], int(best["votes"])) == ("a", 144)
    assert "strength-overall" in plots(said)
    assert json.loads(render(said, "json"))["preference"]["overall"]["votes"] == len(rows)


@pytest.mark.filterwarnings("error")
def test_pairs_with_one_vote_only_ties_or_no_vote():
    one = results(table(NOBODY), ballots([("r", "i", "a", "b", "a", 1.0)]))
    ties = results(table(NOBODY), ballots([(f"r{n}", "i", "a", "b", "a", 0.5) for n in range(3)]))
    none = results(table(NOBODY), ballots([]))
    assert "half a vote" in " ".join(one.caveats)
    assert "every vote says no difference" in " ".join(ties.caveats)
    assert none.caveats == ("There are no marks yet.",)
    for said in (one, ties, none):
        for form in FORMATS:
            assert not re.search(r"\b(nan|inf|None)\b", render(said, form), re.IGNORECASE)
        for figure in plots(said).values():
            svg(figure)
        for note in said.caveats:
            assert CHINESE.search(note.text("zh")), note


def test_plots_hold_names_as_text_and_take_the_colour_of_the_page():
    found = plots(results(STATES["strange names"]))
    text = svg(found["mos"], page=True)
    assert text.startswith("<svg")
    assert "currentColor" in text
    assert "&lt;b&gt;$x_1$" in text  # neither markup nor a formula
    assert "方法|a" in text
    assert svg(found["items-sync"]).startswith("<?xml")


def test_files_of_a_study(usual, tmp_path: Path):
    names = {path.name for path in write_study(results(usual), tmp_path)}
    assert names == {
        "results.md", "results.tex", "results.json", "methods.csv", "clips.csv", "contrasts.csv",
        "friedman.csv", "agreement.csv", "exclusions.csv",
    }  # fmt: skip
    assert {path.name for path in tmp_path.iterdir()} == names
    rows = list(csv.DictReader((tmp_path / "agreement.csv").open(encoding="utf-8")))
    assert len(rows) == 3 * 7
