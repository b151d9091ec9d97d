"""The leaderboard of a data folder: everything anew from stored votes, marks and reports."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from eval.compare.rights import Visitor
from eval.leaderboard.board import Board
from eval.leaderboard.export import render
from eval.leaderboard.personal_board import PersonalBoard
from eval.leaderboard.standings import Filters
from eval.report.bench.bench_json import (
    BenchItem,
    BenchMethod,
    BenchReport,
    BenchScore,
    BenchSuite,
    write_bench_report,
)
from eval.study.statistics.results import evaluate
from eval.study.storage.csv_import_export import export_csv, import_csv
from eval.study.storage.store import Store, StudyInfo
from lipsync.errors import ConfigError
from tests.leaderboard.voters import rate, vote
from tests.study.studies import make_open

PLANTED = {"method 0": -1.5, "method 1": 0.0, "method 2": 1.5}
ORDER = ["method 2", "method 1", "method 0"]
OWNER, STRANGER = Visitor("ann", owner=True), Visitor("bo")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(f"sqlite:///{tmp_path / 'study.sqlite'}", tmp_path / "data")
    yield opened
    opened.close()


@pytest.fixture
def board(store: Store) -> Board:
    return Board(store)


def arena(store: Store, **values: object) -> StudyInfo:
    return make_open(store, items=2, mode="pairwise", leaderboard=True, **values)


def report(day: int = 1, methods: tuple[str, ...] = ("method 0", "new"), **values: object) -> BenchReport:
    """Of the suite "talk": item 0 is English, item 1 Chinese; PSNR says day and place of a method."""
    scores = [
        BenchScore(name, "psnr", "PSNR", "higher", "dB", 2, language, 2, 30.0 + day + place, 29.0, 50.0, "p")
        for place, name in enumerate(methods)
        for language in (None, "en")
    ]
    scores += [replace(score, sound="music", value=99.0) for score in scores if score.language is None]
    return BenchReport(
        BenchSuite("talk", "Talking", 2, "ab"), f"2026-03-0{day}T10:00:00+00:00", "0.1.0", "lipsync-eval",
        tuple(BenchMethod(name, name.title(), "", "folder") for name in methods),
        (BenchItem("item 0", "en"), BenchItem("item 1", "zh")), tuple(scores), **values,
    )  # fmt: skip


@pytest.fixture
def written(tmp_path: Path) -> Path:
    write_bench_report(report(), tmp_path / "report.json")
    return tmp_path / "report.json"


def test_the_planted_order_is_found_from_the_stored_votes(store: Store, board: Board) -> None:
    votes = vote(store, arena(store), PLANTED, people=12)
    found = board.standings().votes
    assert [row.method for row in found.methods] == ORDER
    assert [row.rank for row in found.methods] == [1, 2, 3]
    assert sum(row.votes for row in found.methods) == 2 * votes == 2 * 12 * 6
    assert (found.votes, found.raters) == (votes, 12)
    assert found.bias.low < 0.5 < found.bias.high


def test_votes_of_several_arenas_are_one_table_and_only_those_on_the_leaderboard_count(
    store: Store, board: Board
) -> None:
    first, second = arena(store), arena(store)
    vote(store, first, PLANTED, people=2)
    before = board.standings().votes
    vote(store, second, PLANTED, people=3, seed=1)
    assert (before.votes, board.standings().votes.votes) == (12, 30)
    assert board.standings().votes.raters == 5
    assert [study.id for study in board.arenas()] == [first.id, second.id]
    store.close_study(first.id)  # its votes stay
    assert [study.id for study in board.arenas()] == [second.id]
    assert board.standings().votes.votes == 30
    store.put_on_leaderboard(first.id, False)
    assert board.standings().votes.votes == 18
    vote(store, make_open(store, mode="pairwise"), PLANTED, people=1)
    assert board.standings().votes.votes == 18


def test_the_same_votes_and_the_same_report_count_once(
    store: Store, board: Board, written: Path, tmp_path: Path
) -> None:
    study = arena(store)
    vote(store, study, PLANTED, people=3)
    board.add(written)
    before = render(board.standings(), "csv")
    exported = tmp_path / "votes.csv"
    exported.write_text(export_csv(store, study.id), encoding="utf-8")
    import_csv(store, study.id, exported)
    copy = tmp_path / "copy.json"
    copy.write_bytes(written.read_bytes())
    assert board.add(copy).id == board.add(written).id
    assert len(board.reports()[0]) == 1
    assert render(board.standings(), "csv") == before


def test_a_changed_mind_counts_once(store: Store, board: Board) -> None:
    study = arena(store)
    vote(store, study, PLANTED, people=2, change_minds=True)
    assert board.standings().votes.votes == 12
    assert len(store.pairs(study.id)) == 12


def test_raters_who_fail_the_screening_do_not_count(store: Store, board: Board) -> None:
    study = make_open(store, items=4, mode="pairwise", leaderboard=True)
    vote(store, study, PLANTED, people=6)
    before = [row.strength for row in board.standings().votes.methods]
    vote(store, study, PLANTED, people=1, seed=1, always_left=True)
    found = board.standings().votes
    assert (found.raters, found.excluded) == (6, 1)
    assert [row.strength for row in found.methods] == before


def test_the_leaderboard_is_the_same_from_exported_votes_marks_and_reports(
    store: Store, board: Board, written: Path, tmp_path: Path
) -> None:
    pairs, marks = arena(store), make_open(store, leaderboard=True, suite="talk", reference="method 1")
    vote(store, pairs, PLANTED, people=4)
    rate(store, marks, people=3)
    store.close_study(marks.id)
    board.add(written)
    shown = render(board.standings(), "csv")
    assert len(shown.splitlines()) > 12
    other = Store(f"sqlite:///{tmp_path / 'other.sqlite'}", tmp_path / "other")
    for study in (pairs, marks):
        exported = tmp_path / "export.csv"
        exported.write_text(export_csv(store, study.id), encoding="utf-8")
        made = make_open(other, 2 if study is pairs else 4, **like(study))
        import_csv(other, made.id, exported)
        other.close_study(made.id)
    rebuilt = Board(other)
    rebuilt.add(written)
    assert render(rebuilt.standings(), "csv") == shown
    other.close()


def like(study: StudyInfo) -> dict[str, object]:
    spec = study.spec
    return {"mode": spec.mode, "leaderboard": True, "suite": spec.suite, "reference": spec.reference}


def test_opinion_scores_are_those_of_the_studys_results(store: Store, board: Board) -> None:
    study = make_open(store, leaderboard=True, reference="method 1")
    rate(store, study, people=5)
    assert board.standings().opinions == ()  # raters are still at it
    store.close_study(study.id)
    (table,) = board.standings().opinions
    known = evaluate(store, study.id)
    assert table.methods[0].method == known.reference
    assert [row.real for row in table.methods] == [True, False, False]
    for row in table.methods:
        for question, opinion in row.opinions.items():
            assert opinion == known.outcomes[question, row.method].opinion
    assert table.methods[1].opinions["sync"].mos >= table.methods[2].opinions["sync"].mos
    assert table.raters == 5


def test_filters_take_the_languages_that_the_reports_of_a_suite_give_its_items(
    store: Store, board: Board, written: Path
) -> None:
    study, elsewhere = arena(store, suite="talk"), arena(store)
    vote(store, study, PLANTED, people=3)
    vote(store, elsewhere, PLANTED, people=3)
    board.add(written)
    counts = {
        filters: (votes.votes if (votes := board.standings(Filters(*filters)).votes) else 0)
        for filters in (
            (None, None),
            ("talk", None),
            ("talk", "en"),
            (None, "zh"),
            ("talk", "fr"),
            ("x", None),
        )
    }
    assert list(counts.values()) == [36, 18, 9, 9, 0, 0]
    assert board.choices() == (["talk"], ["en", "zh"])
    assert board.standings(Filters("talk", "en")).suites[0].methods[0].scores["psnr", "PSNR"].language == "en"
    assert board.standings(Filters("talk", "zh")).suites == ()
    assert board.standings(Filters("x")).empty


def test_lse_of_two_networks_stands_in_two_columns(board: Board, tmp_path: Path) -> None:
    one, two = report(1), report(2, methods=("new",))
    scores = tuple(replace(score, label="PSNR (other)") for score in two.scores)
    for number, made in enumerate((one, replace(two, scores=scores))):
        write_bench_report(made, tmp_path / f"{number}.json")
        board.add(tmp_path / f"{number}.json")
    (table,) = board.standings().suites
    assert list(table.metrics) == [("psnr", "PSNR"), ("psnr", "PSNR (other)")]
    assert [list(row.scores) for row in table.methods] == [[("psnr", "PSNR")], [("psnr", "PSNR (other)")]]


def test_of_each_method_the_newest_report_counts_and_another_version_is_another_table(
    board: Board, tmp_path: Path
) -> None:
    older, newer = report(1), report(2, methods=("new", "newest"))
    other = replace(report(3), suite=replace(older.suite, version=3, sha256="cd"))
    for number, one in enumerate((newer, older, other)):
        write_bench_report(one, tmp_path / f"{number}.json")
        board.add(tmp_path / f"{number}.json")
    first, second = board.standings().suites
    assert [(row.method, row.date, row.scores["psnr", "PSNR"].value) for row in first.methods] == [
        ("method 0", "2026-03-01", 31.0),
        ("new", "2026-03-02", 32.0),
        ("newest", "2026-03-02", 33.0),
    ]
    assert (second.version, second.methods[0].date) == (3, "2026-03-03")
    board.remove(board.reports()[0][0].id)
    assert len(board.reports()[0]) == 2
    with pytest.raises(ConfigError, match="no report nope"):
        board.remove("nope")


def test_a_file_that_is_no_report_is_refused_in_one_sentence(board: Board, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    texts = ["", "{", "[1]", "{}", '{"schema": 2}', '{"schema": 1, "suite": 3}', "\x00\xff", "[" * 100_000]
    for text in texts:
        path.write_text(text, encoding="latin-1")
        with pytest.raises(ConfigError) as refusal:
            board.add(path)
        assert "\n" not in str(refusal.value)
        assert board.reports() == ([], [])
    with pytest.raises(ConfigError):
        board.add(tmp_path / "nowhere.json")


def test_a_stored_report_that_was_damaged_since_is_named_and_the_others_stay(
    board: Board, written: Path, tmp_path: Path
) -> None:
    board.add(written)
    (board.folder / "reports" / "zz.json").write_text("{")
    found, damaged = board.reports()
    assert len(found) == 1
    assert "zz.json" in damaged[0]
    assert [row.method for row in board.standings().suites[0].methods] == ["method 0", "new"]


def test_damaged_settings_are_a_sentence(board: Board) -> None:
    path = board.folder / "leaderboard.json"
    assert board.settings.public is False
    for text in ("{", "[]", "{}", json.dumps({"public": 1, "published": [], "minimum": 3, "salt": "x"})):
        path.write_text(text)
        with pytest.raises(ConfigError, match="does not hold settings"):
            _ = board.settings


def test_visitors_read_neutral_names_until_a_method_is_published(
    store: Store, board: Board, written: Path
) -> None:
    vote(store, arena(store), PLANTED, people=2)
    study = make_open(store, leaderboard=True, reference="method 1")
    rate(store, study, people=2)
    store.close_study(study.id)
    board.add(written)
    board.show_to_visitors(True)
    owner, stranger = PersonalBoard(board, OWNER), PersonalBoard(board, STRANGER)
    names = {"method 0": "Method 0", "method 1": "method 1", "method 2": "method 2", "new": "New"}
    assert set(owner.standings(Filters()).methods) == set(names.values())
    told = {form: render(stranger.standings(Filters()), form) for form in ("md", "csv", "json")}
    for text in told.values():
        for name in ("Method 0", "method 0", "method 2", "New", '"new"'):
            assert name not in text
        assert "real video" in text
    hidden = stranger.standings(Filters())
    assert repr(hidden).count("method 2") == 0  # in no part of it
    first = {row.method for row in hidden.votes.methods}
    assert first == {board.anonymous(name) for name in PLANTED}
    assert {row.method for row in Board(store).standings().votes.methods} == set(PLANTED)
    assert {Board(store).anonymous(name) for name in PLANTED} == first  # after a restart, too
    assert render(owner.standings(Filters(), anonymous=True), "csv") == told["csv"]
    board.publish(["method 0"])
    assert "Method 0" in stranger.standings(Filters()).methods
    assert "method 2" not in repr(stranger.standings(Filters()))
    board.publish(["method 0"], published=False)
    assert "Method 0" not in repr(stranger.standings(Filters()))
    with pytest.raises(ConfigError, match="nobody is not on the leaderboard"):
        board.publish(["nobody"])


def test_visitors_see_a_leaderboard_once_it_is_theirs_to_see_and_change_nothing(
    board: Board, written: Path
) -> None:
    owner, stranger = PersonalBoard(board, OWNER), PersonalBoard(board, STRANGER)
    added = owner.add(written)
    for read in (lambda: stranger.standings(Filters()), stranger.choices, stranger.arenas):
        with pytest.raises(ConfigError, match="has not published"):
            read()
    owner.show_to_visitors(True)
    assert stranger.choices() == (["talk"], ["en", "zh"])
    before = board.settings
    for change in (
        lambda: stranger.publish(["new"]),
        lambda: stranger.publish_only(["new"]),
        lambda: stranger.show_to_visitors(False),
        lambda: stranger.rank_from(1),
        lambda: stranger.add(written),
        lambda: stranger.remove(added.id),
    ):
        with pytest.raises(ConfigError, match="Only the owner"):
            change()
    assert board.settings == before
    assert len(board.reports()[0]) == 1
    owner.rank_from(3)
    assert board.settings.minimum == 3
    with pytest.raises(ConfigError, match="at least 1 vote"):
        owner.rank_from(0)
