"""``lipsync-eval leaderboard``: all that the page does, and its sentences."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from eval.__main__ import main
from eval.report.bench.bench_json import write_bench_report
from eval.study.storage.store import Store
from tests.leaderboard.test_board import ORDER, PLANTED, report
from tests.leaderboard.voters import vote
from tests.study.studies import make_open


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """Of the data folder."""
    monkeypatch.setenv("LIPSYNC_DATA", str(tmp_path / "data"))
    monkeypatch.delenv("DATABASE_URL", raising=False)
    opened = Store()
    yield opened
    opened.close()


def told(capsys: pytest.CaptureFixture[str], *command: str) -> str:
    """What a command prints; it works."""
    capsys.readouterr()
    assert main(["leaderboard", *command]) == 0
    return capsys.readouterr().out


def test_from_votes_and_a_report_to_the_table(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = make_open(store, items=2, mode="pairwise", suite="talk")
    vote(store, study, PLANTED, people=8)
    write_bench_report(report(), tmp_path / "report.json")
    assert told(capsys, "show", "--format", "csv").count("\n") == 1  # the head alone
    id = told(capsys, "add", str(tmp_path / "report.json")).strip()
    assert told(capsys, "add", "--study", study.link).strip() == study.id
    listed = told(capsys, "list")
    assert id in listed
    assert study.id in listed
    rows = list(csv.DictReader(io.StringIO(told(capsys, "show", "--format", "csv"))))
    assert [row["method"].lower() for row in rows if row["part"] == "votes"] == ORDER
    assert next(row["rank"] for row in rows if row["part"] == "votes") == "1"
    assert {row["measure"] for row in rows if row["part"] == "scores"} == {"PSNR"}
    assert all(row["n"] and row["date"] for row in rows)
    text = told(capsys, "show", "--suite", "talk", "--language", "en")
    assert "## Talking 2 (ab)" in text
    assert "24 votes of 8 people" in text
    out = tmp_path / "board.json"
    assert told(capsys, "show", "--format", "json", "--anonymous", "--out", str(out)) == ""
    assert {line["method"] for line in json.loads(out.read_text())}.isdisjoint({*ORDER, "Method 0", "New"})
    told(capsys, "publish", "method 2", "new")
    told(capsys, "hide", "new")
    text = told(capsys, "show", "--anonymous")
    assert "method 2" in text
    assert "New" not in text
    told(capsys, "set", "--public", "--minimum", "1000")
    votes = [line for line in told(capsys, "show", "--format", "csv").splitlines() if "strength" in line]
    assert all(line.endswith(",") for line in votes)  # nobody has a rank
    told(capsys, "remove", id)
    told(capsys, "remove", "--study", study.id)
    assert told(capsys, "show", "--format", "csv").count("\n") == 1


def test_what_cannot_be_done_is_a_sentence(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    for command, sentence in (
        (["add"], "Name a report, or a study"),
        (["remove"], "Name a report, or a study"),
        (["add", "nowhere.json"], "no report of a benchmark"),
        (["add", "--study", "nosuch"], "no such study"),
        (["remove", "nosuch"], "no report nosuch"),
        (["publish", "nosuch"], "nosuch is not on the leaderboard"),
        (["set", "--minimum", "0"], "at least 1 vote"),
    ):
        assert main(["leaderboard", *command]) == 2
        told = capsys.readouterr().err
        assert sentence.lower() in told.lower()
        assert told.count("\n") == 1
