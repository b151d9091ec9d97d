"""What the leaderboard shows, computed anew from stored votes, marks and reports of benchmarks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from eval.leaderboard.strengths import MethodVotes, VoteTable, last_day, vote_table
from eval.report.bench.bench_json import BenchReport, BenchScore
from eval.study.statistics.marks import last_marks, marks_of, rated
from eval.study.statistics.mos import Opinion, opinion
from eval.study.statistics.screening import failing
from eval.study.storage.labels import BilingualText
from eval.study.storage.models import CLOSED, TRAINING
from eval.study.storage.store import ListedStudy, Store
from lipsync.texts import Message

Column = tuple[str, str]  # name and label of a metric
# The rows of a study that a filter asks for.
Chosen = Callable[[ListedStudy, pd.DataFrame], pd.DataFrame]


@dataclass(frozen=True)
class MethodOpinions:
    """One method in one study of ratings.

    Attributes:
        opinions: by question.
        date: of the last mark, UTC, ISO 8601.
        real: the hidden reference, which competes with nobody.
    """

    method: str
    opinions: Mapping[str, Opinion]
    date: str
    real: bool = False


@dataclass(frozen=True)
class OpinionTable:
    """Mean opinion scores of a study that is closed.

    Attributes:
        title: of the study.
        questions: their keys.
        methods: the hidden reference first, then the best in the first question.
        raters, excluded: how many counted, and how many failed the screening.
    """

    title: BilingualText
    questions: tuple[str, ...]
    methods: tuple[MethodOpinions, ...]
    raters: int
    excluded: int


@dataclass(frozen=True)
class MethodScores:
    """One method in one suite.

    Attributes:
        scores: by metric and label; the label tells the networks apart with which LSE was measured.
        date: of the report that they are from, ISO 8601.
    """

    method: str
    scores: Mapping[Column, BenchScore]
    date: str


@dataclass(frozen=True)
class SuiteTable:
    """Scores of one version of a suite; of each method those of the newest report.

    Attributes:
        name, title, version, sha256: of the suite.
        metrics: a score of each, for its direction, unit and protocol.
        methods: by name.
    """

    name: str
    title: str
    version: int
    sha256: str
    metrics: Mapping[Column, BenchScore]
    methods: tuple[MethodScores, ...]


@dataclass(frozen=True)
class Standings:
    """All of it.

    Attributes:
        votes: None without a vote.
        opinions: the newest study last.
        suites: by name and version.
    """

    votes: VoteTable | None
    opinions: tuple[OpinionTable, ...]
    suites: tuple[SuiteTable, ...]

    @property
    def empty(self) -> bool:
        """Whether there is nothing to show."""
        return self.votes is None and not self.opinions and not self.suites

    @property
    def methods(self) -> tuple[str, ...]:
        """Names of all methods but the real videos, sorted."""
        rows = [*(self.votes.methods if self.votes else ())]
        found = {row.method for row in rows if not row.real}
        found |= {row.method for table in self.opinions for row in table.methods if not row.real}
        return tuple(sorted(found | {row.method for table in self.suites for row in table.methods}))

    def renamed(self, name: Callable[[str], str]) -> Standings:
        """The same with other names of the methods, also inside of scores; real videos have none."""

        def shown(row: MethodVotes | MethodOpinions) -> str:
            return Message("leaderboard.real") if row.real else name(row.method)

        def called(scores: Mapping[Column, BenchScore], method: str) -> dict[Column, BenchScore]:
            return {column: replace(score, method=method) for column, score in scores.items()}

        votes = self.votes and replace(
            self.votes, methods=tuple(replace(row, method=shown(row)) for row in self.votes.methods)
        )
        opinions = tuple(
            replace(table, methods=tuple(replace(row, method=shown(row)) for row in table.methods))
            for table in self.opinions
        )
        suites = tuple(
            replace(
                table,
                metrics=called(table.metrics, ""),
                methods=tuple(
                    replace(row, method=name(row.method), scores=called(row.scores, name(row.method)))
                    for row in sorted(table.methods, key=lambda row: name(row.method))
                ),
            )
            for table in self.suites
        )
        return Standings(votes, opinions, suites)


@dataclass(frozen=True)
class Filters:
    """What part is asked for; None: all."""

    suite: str | None = None
    language: str | None = None


def standings(
    store: Store,
    studies: Sequence[ListedStudy],
    reports: Sequence[BenchReport],
    filters: Filters,
    minimum: int,
) -> Standings:
    """The leaderboard of some studies and reports, as of now.

    A clip has the suite of its study, and the language that a report of this suite gives its item.

    Args:
        store: has the votes and marks.
        studies, reports: what stands on it.
        filters: a suite or a language alone.
        minimum: votes from which on a method is ranked.
    """
    studies = [study for study in studies if filters.suite in (None, study.spec.suite)]
    by_suite = item_languages(reports)

    def chosen(study: ListedStudy, rows: pd.DataFrame) -> pd.DataFrame:
        spoken = by_suite.get(study.spec.suite, {})
        wanted = [filters.language in (None, spoken.get(item)) for item in rows["item"]]
        return rows[pd.Series(wanted, index=rows.index, dtype=bool)]

    closed = [study for study in studies if study.spec.mode == "rating" and study.state == CLOSED]
    tables = [_opinions(store, study, chosen) for study in closed]
    return Standings(
        _votes(store, [study for study in studies if study.spec.arena], chosen, minimum),
        tuple(table for table in tables if table is not None),
        _suites(reports, filters),
    )


def item_languages(reports: Sequence[BenchReport]) -> dict[str | None, dict[str, str]]:
    """Of each suite: the languages of its items."""
    found: dict[str | None, dict[str, str]] = {}
    for report in reports:
        found.setdefault(report.suite.name, {}).update(
            {item.item: item.language for item in report.items if item.language}
        )
    return found


def choices(studies: Sequence[ListedStudy], reports: Sequence[BenchReport]) -> tuple[list[str], list[str]]:
    """The suites and the languages that can be asked for alone."""
    suites = {study.spec.suite for study in studies if study.spec.suite}
    suites |= {report.suite.name for report in reports}
    spoken = {language for items in item_languages(reports).values() for language in items.values()}
    spoken |= {score.language for report in reports for score in report.scores if score.language}
    return sorted(suites), sorted(spoken)


def _votes(store: Store, arenas: Sequence[ListedStudy], chosen: Chosen, minimum: int) -> VoteTable | None:
    """All arenas together; of an arena with several questions the first one counts."""
    parts, real, excluded = [], [], 0
    for study in arenas:
        votes = store.pairs(study.id)
        votes = votes[(votes["kind"] != TRAINING) & (votes["question"] == study.spec.questions[0].key)]
        out = {entry.rater for entry in failing(pd.DataFrame(), votes)}
        excluded += len(out)
        left = chosen(study, votes[~votes["rater"].isin(out)])
        parts.append(left.assign(rater=f"{study.id} " + left["rater"]))  # pseudonyms are of one study
        real += [study.spec.reference] if study.spec.reference else []
    if not parts:
        return None
    return vote_table(pd.concat(parts, ignore_index=True), minimum, real, excluded)


def _opinions(store: Store, study: ListedStudy, chosen: Chosen) -> OpinionTable | None:
    marks = last_marks(store.ratings(study.id))
    out = {entry.rater for entry in failing(marks, pd.DataFrame())}
    marks = chosen(study, rated(marks))
    excluded = len(out & set(marks["rater"]))
    marks = marks[~marks["rater"].isin(out)]
    if marks.empty:
        return None
    by_question = [(question.key, marks_of(marks, question.key)) for question in study.spec.questions]
    rows = []
    for method, own in marks.groupby("method", sort=False):
        found = {key: opinion(table.of(str(method)).values) for key, table in by_question}
        real = method == study.spec.reference
        rows.append(MethodOpinions(str(method), found, last_day(own), real))
    first = by_question[0][0]
    rows.sort(key=lambda row: (not row.real, -(row.opinions[first].mos or 0.0), row.method))
    raters = int(marks["rater"].nunique())
    return OpinionTable(study.spec.title, tuple(key for key, _ in by_question), tuple(rows), raters, excluded)


def _suites(reports: Sequence[BenchReport], filters: Filters) -> tuple[SuiteTable, ...]:
    tables: dict[tuple[str, int, str], list[BenchReport]] = {}
    for report in sorted(reports, key=lambda report: report.date):
        suite = report.suite
        if filters.suite in (None, suite.name):
            tables.setdefault((suite.name, suite.version, suite.sha256), []).append(report)
    found = []
    for (name, version, sha256), of_suite in sorted(tables.items()):
        rows: dict[str, MethodScores] = {}
        metrics: dict[Column, BenchScore] = {}
        for report in of_suite:  # a newer one replaces
            for method in report.methods:
                scores = {
                    (score.metric, score.label): score
                    for score in report.scores
                    if (score.method, score.language, score.sound) == (method.name, filters.language, None)
                }
                metrics |= scores
                if scores:
                    rows[method.name] = MethodScores(method.name, scores, report.date[:10])
        if rows:
            methods = tuple(rows[key] for key in sorted(rows))
            title = of_suite[-1].suite.title
            found.append(SuiteTable(name, title, version, sha256, metrics, methods))
    return tuple(found)
