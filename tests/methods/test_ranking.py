"""The order of the cores follows from the table of scores, whatever the code says elsewhere."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from lipsync.errors import ConfigError
from lipsync.methods import METHODS
from lipsync.methods.ranking import RANKED, SCORES, STILL, ranking

HEAD = "method,lipcorr_own,lipcorr_other,lmd,lpips\n"
FIGURES = {"lipcorr_own": 0.6, "lipcorr_other": 0.1, "lmd": 4.0, "lpips": 0.12}


def line(name: str, **changed: float) -> str:
    return f"{name},{','.join(str(value) for value in (FIGURES | changed).values())}\n"


@pytest.fixture
def table(tmp_path: Path):
    """Writes a table with these lines below that of the still frame."""

    def write(*lines: str, still: str = f"{STILL},0.0,,14.0,0.2\n") -> Path:
        path = tmp_path / "scores.csv"
        path.write_text(HEAD + still + "".join(lines))
        return path

    return write


@pytest.mark.parametrize(
    ("column", "worse"), [("lipcorr_own", 0.5), ("lipcorr_other", 0.3), ("lipcorr_other", -0.3), ("lmd", 5.0),
                          ("lpips", 0.16)],
)  # fmt: skip
def test_a_worse_figure_in_any_column_changes_the_order(table, column, worse):
    assert list(ranking(table(line("a"), line("b", **{column: worse})))) == ["a", "b"]
    assert list(ranking(table(line("a", **{column: worse}), line("b")))) == ["b", "a"]


def test_quality_is_the_mean_share_of_the_way_from_a_still_frame_to_the_real_video(table):
    found = ranking(
        table(
            line("real", lipcorr_own=1, lipcorr_other=0, lmd=0, lpips=0),
            line("still", lipcorr_own=0, lipcorr_other=1, lmd=14, lpips=0.2),
            line("half", lipcorr_own=0.5, lipcorr_other=-0.5, lmd=7, lpips=0.1),
        )
    )
    assert found == pytest.approx({"real": 1, "half": 0.5, "still": 0})


def test_an_order_does_not_depend_on_who_else_is_there(table):
    """Sums of ranks would: b has the better rank in two columns of three as long as nobody is between."""
    a, b = line("a", lmd=2.0), line("b", lipcorr_own=0.61, lpips=0.119)
    between = [line(f"c{k}", lmd=2.5 + k / 4) for k in range(4)]
    assert [name for name in ranking(table(a, b, *between)) if name in "ab"] == list(ranking(table(a, b)))


@pytest.mark.parametrize(
    "broken",
    [line("a").replace("0.12", ""), line("a").replace("4.0", "four"), "a,0.6\n"],
    ids=["empty", "a word", "cut short"],
)
def test_a_table_that_lacks_a_figure_says_where_it_lies(table, broken):
    with pytest.raises(ConfigError, match=r"table of scores .*scores\.csv cannot be read"):
        ranking(table(broken))
    with pytest.raises(ConfigError, match="still frame"):
        ranking(table(line("a"), still=""))


def test_the_shipped_table_has_one_line_for_every_core_that_ships():
    with SCORES.open(newline="") as file:
        lines = list(csv.DictReader(file))
    names = [entry["method"] for entry in lines]
    assert len(set(names)) == len(names)
    shipped = {name for name in METHODS if (folder := METHODS.get(name).folder) and folder.is_dir()}
    assert set(ranking()) == set(names) - {STILL} == shipped
    assert all(entry[column] for entry in lines if entry["method"] != STILL for column in RANKED)
