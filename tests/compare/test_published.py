"""The published numbers are those of the papers, and every output says that nothing was measured here."""

import csv
import io
import json
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
from tests.portal import ROOT

DIGEST = json.loads((ROOT / "tests" / "reference" / "published_tables.json").read_text(encoding="utf-8"))[
    "tables"
]


def table_of(paper, number, dataset=None):
    (table,) = [t for t in published(paper=paper) if t.number == number and dataset in (None, t.dataset)]
    return table


@pytest.mark.parametrize("wanted", DIGEST, ids=lambda wanted: f"{wanted['paper']}-{wanted['table']}")
def test_tables_equal_the_digest_of_the_papers(wanted):
    table = table_of(wanted["paper"], wanted["table"], wanted.get("dataset"))
    found = {
        row.method: [table.number_of(row.method, key) for key in wanted["columns"]]
        for row in table.rows
        if row.method in wanted["rows"]
    }
    if digits := wanted.get("digits"):  # the digest rounds
        found = {name: [round(n, d) for n, d in zip(row, digits, strict=True)] for name, row in found.items()}
    else:
        assert wanted["columns"] == [column.key for column in table.columns]
        assert len(table.rows) == len(wanted["rows"])
    assert found == wanted["rows"]


def test_where_the_paper_disagrees_with_itself_both_numbers_stand():
    tables = table_of("m-csawav2lip", "1", "CLR"), table_of("m-csawav2lip", "2")
    assert [table.number_of("M-CSAWav2Lip", "psnr") for table in tables] == [31.594, 33.594]
    assert all("31.594 and 33.594" in table.note for table in tables)


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
