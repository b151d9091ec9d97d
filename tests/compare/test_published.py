"""The published numbers are those of the papers, and every output says that nothing was measured here."""

import csv
import io
import re
from itertools import pairwise

import pytest

from eval.published.papers import KINDS, published
from eval.report.latex import escape
from eval.report.published_tables import marks, printed
from eval.scoring.metrics import METRICS
from lipsync.methods.lstm_cbam.config import ABLATIONS as LSTM_CBAM
from lipsync.methods.mcsawav2lip.config import ABLATIONS as MCSA
from tests.compare.test_table import latex_problems

DIGEST = {
    "real": "Real video",
    "this": "Semantic + texture-motion",
    "full": "LSTM-CBAM",
    "without LSTM&CBAM": "w/o LSTM & CBAM",
    "without LSTM": "w/o LSTM",
    "without CBAM": "w/o CBAM",
}


def table_of(paper, number, dataset=None):
    (table,) = [t for t in published(paper=paper) if t.number == number and dataset in (None, t.dataset)]
    return table


def rows_of(text: str) -> dict[str, list[float | None]]:
    """``name 1/2/3, name 4/5/6`` as the digest writes its rows."""
    found = {}
    for part in re.split(r"[,;] (?=[^\d–])", text.strip(" .")):
        match = re.fullmatch(r"(.+?) ([\d./–]+)", part.strip())
        if match:
            found[match[1]] = [None if v == "–" else float(v) for v in match[2].rstrip(".").split("/")]
    return found


def same(table, rows, names=()):
    assert rows
    for name, numbers in rows.items():
        method = {**DIGEST, **dict(names)}.get(name, name)
        keys = [column.key for column in table.columns]
        assert [table.number_of(method, key) for key in keys] == numbers, (table.source, name)
    assert len(rows) == len(table.rows)


@pytest.fixture(scope="module")
def methods(shared):
    return (shared / "METHODS.md").read_text(encoding="utf-8")


def between(text, begin, end):
    start = text.index(begin) + len(begin)
    return text[start : text.index(end, start)]


def test_m_csawav2lip_equals_the_digest(methods):
    part = between(methods, "likewise): ", " (Table 2 prints")
    clr, lrs2 = {}, {}
    for row in part.split(". "):
        row = row.rstrip(".")
        name, first, second = re.fullmatch(r"(\S+) (\S+); (\S+)", row).groups()
        for side, values in ((clr, first), (lrs2, second)):
            side[name] = [None if v == "–" else float(v) for v in values.split("/")]
    same(table_of("m-csawav2lip", "1", "CLR"), clr)
    same(table_of("m-csawav2lip", "1", "LRS2"), lrs2)
    study = rows_of(between(methods, "User study sync/quality/overall: ", "\n"))
    same(table_of("m-csawav2lip", "3"), study)


def test_where_the_paper_disagrees_with_itself_both_numbers_stand(methods):
    assert "Table 2 prints PSNR 33.594" in methods
    tables = table_of("m-csawav2lip", "1", "CLR"), table_of("m-csawav2lip", "2")
    assert [table.number_of("M-CSAWav2Lip", "psnr") for table in tables] == [31.594, 33.594]
    assert all("31.594 and 33.594" in table.note for table in tables)


def test_lstm_cbam_equals_the_digest(methods):
    ablations = rows_of(
        between(methods, "**Ablations (Table 1)**: ", ". Against").replace(" (LSE-D/LSE-C/FID)", "")
    )
    same(table_of("lstm-cbam", "1"), ablations)
    others = rows_of(between(methods, "Against others on LRS2: ", "\n"))
    same(table_of("lstm-cbam", "2"), {**others, "full": ablations["full"]})


def test_visual_dubbing_equals_the_digest(methods):
    first = rows_of(between(methods, "VoxCeleb1 PSNR/LPIPS/SSIM/LMD/CSIM/Sync: ", " VoxCeleb2:"))
    same(table_of("visual-dubbing", "1"), first)
    second = between(methods, "VoxCeleb2: ", " Size:").strip(" .").split(", ")
    same(
        table_of("visual-dubbing", "2"),
        {name: [float(v) for v in row.split("/")] for name, row in zip(first, second, strict=True)},
    )
    part = between(methods, "on LRW AED/LMD/Sync: ", ". More")
    names = {
        "base": "Base model",
        "no semantic images": "w/o semantic images",
        "full": "Full model",
        "no cross-modal attention": "w/o cross-modal attention",
        "no shape loss": "w/o shape loss",
    }
    same(table_of("visual-dubbing", "3"), rows_of(part), names)
    size = re.search(r"Size: (\d+) M parameters, ([\d.]+) GFLOPs, (\d+) MB", methods)
    whole = table_of("visual-dubbing", "7")
    assert [
        round(whole.number_of("Whole model", "params")),
        round(whole.number_of("Whole model", "flops"), 1),
        round(whole.number_of("Whole model", "memory")),
    ] == [int(size[1]), float(size[2]), int(size[3])]


def test_every_table_equals_the_text_of_its_paper(shared):
    """Row by row in the papers' own tables: every number of a row stands in one line, in this order."""
    for table in published():
        lines = (shared / "papers" / f"{table.paper.key}.zh.txt").read_text(encoding="utf-8").splitlines()
        cells = [[cell.strip() for cell in line.split("\t")] for line in lines if "\t" in line]
        for row in table.rows:
            wanted = [value or "N. A." for value in row.values]
            assert any(wanted == line[at : at + len(wanted)] for line in cells for at in range(len(line))), (
                table.source,
                row.method,
            )


def test_all_tables_are_there_and_name_their_source():
    assert [len(published(kind)) for kind in KINDS] == [5, 6, 1, 1]
    for table in published():
        assert table.paper.short in table.source
        assert f"Table {table.number}" in table.source
        assert all(len(row.values) == len(table.columns) for row in table.rows)
        assert all(column.metric is None or column.metric in METRICS for column in table.columns)
        for text in (table.title, *filter(None, [table.note])):
            assert re.search(r"[\u4e00-\u9fff]", text.text("zh"))


def test_ablation_rows_name_the_configurations_of_this_project():
    for paper, registry in (("m-csawav2lip", MCSA), ("lstm-cbam", LSTM_CBAM)):
        (table,) = published("ablation", paper)
        # The row of section 3.1.1, which the paper does not measure, has no published numbers.
        assert {row.config for row in table.rows} == set(registry) - {"audio-channel"}


@pytest.mark.parametrize("form", ["tex", "md", "csv"])
def test_every_output_says_that_it_is_published(form):
    for table in published():
        text = printed([table], form)
        assert "Published, not measured here" in text
        assert (escape(table.paper.short) if form == "tex" else table.paper.short) in text
        for row in table.rows:
            assert all(value is None or value in text for value in row.values)
    if form == "tex":
        assert latex_problems(printed(published(), form)) == []
    if form == "csv":
        lines = list(csv.DictReader(io.StringIO(printed(published(), form))))
        assert {line["status"] for line in lines} == {"Published, not measured here"}
        assert len(lines) == sum(len(table.rows) * len(table.columns) for table in published())


def test_real_video_competes_with_none_and_lower_is_better_where_it_is():
    table = table_of("m-csawav2lip", "1", "LRS2")
    best = [found[0] for found in marks(table)]
    assert best == [{"M-CSAWav2Lip"}, {"Wav2Lip"}, {"M-CSAWav2Lip"}, {"M-CSAWav2Lip"}]
    assert all(a.isdisjoint(b) for a, b in pairwise(marks(table)[0]))
