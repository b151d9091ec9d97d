"""The table of a scored set: right numbers, honest marks, LaTeX that can be pasted."""

import csv
import io
import re

import numpy as np
import pytest
import scipy.stats

from eval.batch.rows import Options
from eval.batch.summary import summarise_rows
from eval.compare.sets import Entry
from eval.compare.table import score_set, scored
from eval.report.comparison import table_text
from eval.report.grid import cells, ranked
from eval.report.latex import environment, escape
from eval.report.markdown import markdown
from eval.report.table_plot import plot_table
from eval.ui.score import result_table
from lipsync.errors import Cancelled, ConfigError
from lipsync.media import read_frames

OPTIONS = Options(("psnr", "ssim"), region="full")  # of whole frames: needs no network and no face


def latex_problems(text: str) -> list[str]:
    """What would stop LaTeX: braces, environments, columns, bare special characters."""
    problems, stack, depth = [], [], 0
    columns = None
    for line in text.splitlines():
        body = re.sub(r"(?<!\\)%.*", "", line)
        plain = re.sub(r"\\[{}&%$#_]", "", body)
        depth += plain.count("{") - plain.count("}")
        if depth < 0:
            problems.append(f"brace closed too often: {line}")
        if plain.count("$") % 2:
            problems.append(f"odd dollars: {line}")
        if re.search(r"[#^_]", re.sub(r"\$[^$]*\$|\\label\{[^}]*\}", "", plain)):
            problems.append(f"bare character: {line}")
        for kind, name in re.findall(r"\\(begin|end)\{(\w+)\}", body):
            if kind == "begin":
                stack.append(name)
            elif not stack or stack.pop() != name:
                problems.append(f"wrong end: {line}")
        if found := re.search(r"\\begin\{tabular\}\{(\w+)\}", body):
            columns = len(found[1])
        elif plain.rstrip().endswith(r"\\") and plain.count("&") + 1 != columns:
            problems.append(f"{plain.count('&') + 1} of {columns} columns: {line}")
    if depth or stack:
        problems.append(f"left open: {depth} {stack}")
    return problems


@pytest.fixture
def table(sets, made):
    return score_set(sets.open(made), OPTIONS)


def test_numbers_are_those_of_the_videos_under_the_names_of_the_set(sets, made, table):
    assert table.methods == ("A", "B_&_50%", "方法 C")
    one = sets.open(made).items[0]
    psnr = table.columns[0]
    pair = [
        [f.image.astype(float) for f in read_frames(c.path)] for c in (one.clips["B_&_50%"], one.reference)
    ]
    error = [((g - r) ** 2).mean() for g, r in zip(*pair, strict=True)]
    assert psnr.methods["B_&_50%"].mean == pytest.approx(
        np.mean(10 * np.log10(255**2 / np.array(error))), abs=1e-6
    )
    assert psnr.methods["A"].scored == 2
    assert ("two 二", "B_&_50%", "There is no video of B_&_50% for two 二.") in table.failed
    assert psnr.methods["B_&_50%"].failed == ("two 二",)
    assert "1 of 2" in table_text(table, "md")


def test_no_file_of_the_scores_names_a_method(sets, made, table):
    files = [path for path in (sets.folder / made / "scores").rglob("*") if path.is_file()]
    assert len(files) > 4
    for path in files:
        assert not re.search(r"one|two|方法|B_|-A", path.name)
    assert not [path for path in files if "方法 C" in path.read_text(encoding="utf-8")]


def test_scores_are_found_again_and_go_on_where_they_stopped(sets, made, video, monkeypatch):
    set_ = sets.open(made)
    assert scored(set_) is None
    seen = []

    def stop(done, total, item, method):
        seen.append((item, method))
        if len(seen) > 25:
            raise Cancelled("Stopped.")

    with pytest.raises(Cancelled):
        score_set(set_, OPTIONS, report_frames=stop)
    assert seen[0] == ("one", "A")
    done = len(list((set_.folder / "scores" / "rows").iterdir()))
    assert done == 1
    told = []
    first = score_set(set_, OPTIONS, report=lambda *each: told.append(each))
    assert [each[0] for each in told] == [2, 3, 4]
    assert {each[2:] for each in told} == {("one", "B_&_50%"), ("two 二", "A"), ("two 二", "方法 C")}
    assert table_text(scored(set_), "md") == table_text(first, "md")
    sets.add(made, [Entry("one", "D", video("d", 100)), Entry("one", "A", video("new", 100, shade=90))])
    partial = scored(sets.open(made))
    assert "2 of 5 videos are not scored yet; score the set again." in partial.notes
    assert scored(sets.open(sets.create("empty", []))) is None
    with pytest.raises(ConfigError, match="no video to score"):
        score_set(sets.open(sets.create("empty", [])), OPTIONS)


def test_a_sentence_about_a_video_names_item_and_method(sets, video):
    id = sets.create("x", [Entry("one", "reference", video("r", 100)),
                           Entry("one", "large", video("l", 100, size=(160, 128)))])  # fmt: skip
    ((item, method, why),) = score_set(sets.open(id), OPTIONS).failed
    assert (item, method) == ("one", "large")
    assert why.startswith("one, large is 160×128, its reference 80×64")


def test_latex_can_be_pasted(table):
    text = table_text(table, "tex")
    assert latex_problems(text) == []
    assert r"B\_\&\_50\%" in text
    assert "Needs \\usepackage{booktabs}" in text
    assert "ctex" in text
    assert r"\toprule" in text
    assert latex_problems(table_text(table, "tex", papers=True)) == []
    assert "Published, not measured here: Guo et al. 2026" in table_text(table, "tex", papers=True)


@pytest.mark.parametrize(
    "name", ["{", "}}", "a\\b", "50%", "x_1^2 & ~", "$5 #1", "<b>|", "一 ½", "\\end{table}"]
)
def test_any_name_is_printed_and_breaks_nothing(name):
    text = environment(
        ["Method", "x"], [[[escape(name), "1"]], [["b", "2"]]], ["a\nb % c"], escape(name), "l"
    )
    assert latex_problems(text) == []


def test_the_checker_sees_what_would_break():
    good = environment(["M", "x"], [[["a", "1"]]])
    for bad in (good.replace("a & 1", "a_b & 1"), good.replace("a & 1", "a & 1 & 2"), good + "}",
                good.replace(r"\end{tabular}", ""), good.replace("a & 1", "a & $1")):  # fmt: skip
        assert latex_problems(bad)


def results(values: dict[str, list[float]]) -> list[dict]:
    entry = {"label": "PSNR", "frames": 9, "protocol": "p", "reason": "", "detail": {}}
    return [
        {"item": f"i{n}", "method": method, "control": method == "real",
         "scores": {"scores": {"psnr": {**entry, "value": value}}, "notes": []}}
        for method, column in values.items() for n, value in enumerate(column)
    ]  # fmt: skip


def test_best_second_and_significance(tmp_path):
    rng = np.random.default_rng(1)
    base = rng.normal(30, 1, 12)
    values = {
        "real": [100.0] * 12, "best": list(base), "near": list(base - 0.02 + rng.normal(0, 0.1, 12)),
        "far": list(base - 3 + rng.normal(0, 0.1, 12)),
    }  # fmt: skip
    table = summarise_rows(results(values), tmp_path)
    found = cells(table, table.columns[0])
    assert [(found[n].best, found[n].second, found[n].differs) for n in ("real", "best", "near", "far")] == [
        (False, False, False), (True, False, False), (False, True, False), (False, False, True),
    ]  # fmt: skip
    pairs = [("best", "near"), ("best", "far"), ("near", "far")]
    p = [scipy.stats.wilcoxon(np.subtract(values[a], values[b])).pvalue for a, b in pairs]
    assert p[1] * 3 < 0.05 < p[0]
    summary = table.columns[0].methods["best"]
    tex, md = table_text(table, "tex"), markdown(table)
    half = (summary.high - summary.low) / 2
    assert f"\\textbf{{{summary.mean:.2f}}} {{\\scriptsize $\\pm$ {half:.2f}}}" in tex
    near, far = (f"{table.columns[0].methods[name].mean:.2f}" for name in ("near", "far"))
    assert f"\\underline{{{near}}}" in tex
    assert f"{far}$^{{\\dagger}}$" in tex
    assert f"<u>{near}</u>" in md
    assert f"{far} †" in md
    assert latex_problems(tex) == []
    html = result_table.table_html(table)
    assert f"<u>{near}</u>" in html
    assert f"{far} †" in html


def test_ranks():
    assert ranked({"a": 1.0}) == (set(), set())
    assert ranked({"a": 1.0, "b": 2.0}) == ({"a"}, set())
    assert ranked({"a": 1.0, "b": 2.0, "c": 3.0}) == ({"a"}, {"b"})
    assert ranked({"a": 1.0, "b": 1.0, "c": 3.0, "d": 3.0}) == (set(), set())
    assert ranked({"b": 3.0, "a": 1.0, "c": 3.0}) == ({"a"}, set())


def test_one_video_shows_no_method_to_be_better(tmp_path):
    for count, best in ((1, False), (2, True)):
        table = summarise_rows(results({"a": [30.0] * count, "b": [20.0] * count}), tmp_path)
        assert cells(table, table.columns[0])["a"].best is best


def test_csv_holds_every_mean(table):
    lines = list(csv.DictReader(io.StringIO(table_text(table, "csv"))))
    assert {(line["method"], line["metric"]) for line in lines} >= {("A", "PSNR"), ("方法 C", "SSIM")}
    (line,) = [line for line in lines if (line["method"], line["metric"]) == ("A", "PSNR")]
    assert float(line["mean"]) == pytest.approx(table.columns[0].methods["A"].mean, rel=1e-5)


def test_the_plot_reads_without_colour(table, tmp_path):
    from PIL import Image

    out = plot_table(table, tmp_path / "plot.png")
    picture = Image.open(out).convert("RGB")
    assert picture.width > 600
    colours = {colour for _, colour in picture.getcolors(1 << 24)}
    best, other = (0x1D, 0x4E, 0x79), (0x8F, 0xB1, 0xD0)
    assert {best, other} <= colours
    grey = np.array([best, other]) @ [0.299, 0.587, 0.114]
    assert grey[1] - grey[0] > 80
    for suffix in (".svg", ".pdf"):
        assert plot_table(table, tmp_path / f"plot{suffix}").stat().st_size > 1000
    with pytest.raises(ConfigError, match=r"end in \.png"):
        plot_table(table, tmp_path / "plot.gif")


def test_controls_are_scored_beside_the_methods(sets, made):
    table = score_set(sets.open(made), OPTIONS, controls=True)
    assert table.controls[0] == "real"
    assert table.methods == ("A", "B_&_50%", "方法 C")
    assert table.columns[0].methods["real"].mean == 100
    assert scored(sets.open(made)).controls == table.controls
