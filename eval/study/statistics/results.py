"""Evaluation of a study: from its marks and votes to its results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
import pandas as pd

from eval.study.statistics.agreement import agreement
from eval.study.statistics.caveats import caveats_of
from eval.study.statistics.contrasts import contrasts, friedman, rater_scores
from eval.study.statistics.correction import corrected_mos
from eval.study.statistics.correlation import Clip, Correlation, Scores, StudyScores, correlate
from eval.study.statistics.marks import Marks, last_marks, marks_of, rated
from eval.study.statistics.method_correlation import correlate_methods, correlate_strengths
from eval.study.statistics.mos import difference_marks, difference_opinion, opinion
from eval.study.statistics.outcomes import Outcome, Results
from eval.study.statistics.prediction.predicted_mos import predict_mos
from eval.study.statistics.preference import Preference, preference
from eval.study.statistics.screening import Rules, failing

REFERENCE = "reference"  # kind of the hidden reference's clips


class Stored(Protocol):
    """What is read of `eval.study.storage.store.Store`, which lies above the statistics."""

    def get(self, study_id: str) -> Any: ...

    def stimuli(self, study_id: str) -> pd.DataFrame: ...

    def ratings(self, study_id: str) -> pd.DataFrame: ...

    def pairs(self, study_id: str) -> pd.DataFrame: ...


def results(
    ratings: pd.DataFrame,
    votes: pd.DataFrame | None = None,
    screening: bool | Rules = True,
    scores: StudyScores | Scores | None = None,
    questions: Sequence[str] = (),
    methods: Sequence[str] = (),
    shrink: bool = False,
) -> Results:
    """Evaluate a study with any number of marks, also with none.

    Args:
        ratings: of `eval.study.storage.store.Store.ratings`.
        votes: of `eval.study.storage.store.Store.pairs`; None: there are none.
        screening: True: with the default rules; or custom rules; False: nobody is left out, though
            ``excluded`` still lists who would be.
        scores: metrics to compare with MOS, of `eval.study.statistics.study_scores`, or of
            `eval.study.statistics.correlation.read_scores`, which are only correlated.
        questions, methods: the study's order; what it does not name follows in order of appearance
            (questions) or by name (methods).
        shrink: corrected MOS with shrinkage; False: as ITU-T P.913 has it. See
            :func:`eval.study.statistics.correction.corrected_mos`.
    """
    ratings = last_marks(ratings)
    votes = pd.DataFrame() if votes is None else votes
    cast = votes[votes["kind"] != "training"] if len(votes) else votes
    rules = screening if isinstance(screening, Rules) else Rules()
    excluded = failing(ratings, votes, rules)
    out = {entry.rater for entry in excluded} if screening is not False else set()
    marks = rated(ratings)
    people = tuple(dict.fromkeys([*marks["rater"], *(cast["rater"] if len(cast) else ())]))
    marks = marks[~marks["rater"].isin(out)]
    cast = cast[~cast["rater"].isin(out)] if len(cast) else cast
    reference = _reference(ratings)
    asked = [*marks["question"], *(cast["question"] if len(cast) else ())]
    keys = tuple(dict.fromkeys([*(key for key in questions if key in asked), *asked]))
    seen = set(marks["method"]) | ({*cast["first"], *cast["second"]} if len(cast) else set())
    names = [*(name for name in methods if name in seen), *sorted(seen - set(methods))]
    compared = tuple(name for name in names if name != reference)
    tables = {key: marks_of(marks, key) for key in keys if (marks["question"] == key).any()}
    outcomes, clips = _outcomes(tables, names, reference, shrink)
    by_rater = {question: rater_scores(table, compared) for question, table in tables.items()}
    found = Results(
        questions=keys,
        methods=compared,
        reference=reference,
        items=tuple(sorted({*marks["item"], *(cast["item"] if len(cast) else ())})),
        raters=people,
        excluded=tuple(entry for entry in excluded if entry.rater in people),
        screened=screening is not False,
        outcomes=outcomes,
        clips=clips,
        agreement={question: agreement(table.values) for question, table in tables.items()},
        friedman={question: friedman(by_method) for question, by_method in by_rater.items()},
        contrasts={question: contrasts(by_method) for question, by_method in by_rater.items()},
        preference=_preferences(cast, keys),
        shrunk=shrink,
    )
    found = replace(found, caveats=caveats_of(found))
    scored = scores if isinstance(scores, StudyScores) else StudyScores(scores or {})
    return _with_metrics(found, scored) if scored.values else found


def evaluate(
    store: Stored,
    study_id: str,
    screening: bool | Rules = True,
    scores: StudyScores | Scores | None = None,
    shrink: bool = False,
) -> Results:
    """The results of a stored study, as of now; see :func:`results`.

    Raises:
        StudyError: there is no such study.
    """
    study = store.get(study_id)
    return results(
        store.ratings(study.id),
        store.pairs(study.id),
        screening,
        scores,
        questions=[question.key for question in study.spec.questions],
        methods=list(dict.fromkeys(store.stimuli(study.id)["method"])),
        shrink=shrink,
    )


def _outcomes(
    tables: Mapping[str, Marks], methods: Sequence[str], reference: str | None, shrink: bool
) -> tuple[dict[tuple[str, str], Outcome], dict[tuple[str, str, str], Outcome]]:
    outcomes: dict[tuple[str, str], Outcome] = {}
    clips: dict[tuple[str, str, str], Outcome] = {}
    for question, table in tables.items():
        quality = corrected_mos(table.values, shrink).quality
        for method in methods:
            rows = [row for row, name in enumerate(table.methods) if name == method]
            if not rows:
                continue
            values = table.values[rows]
            against = _differences(table, rows, reference) if method != reference else None
            outcomes[question, method] = Outcome(
                opinion(values),
                None if against is None else difference_opinion(against),
                float(quality[rows].mean()),
            )
            for place, row in enumerate(rows):
                clips[question, table.items[row], method] = Outcome(
                    opinion(values[place : place + 1]),
                    None if against is None else difference_opinion(against[place : place + 1]),
                    float(quality[row]),
                )
    return outcomes, clips


def _differences(table: Marks, rows: Sequence[int], reference: str | None) -> np.ndarray | None:
    """Difference marks of some clips; None where no rater saw one of them and its reference."""
    place = {table.items[row]: row for row, name in enumerate(table.methods) if name == reference}
    missing = np.full(len(table.raters), np.nan)
    items = [table.items[row] for row in rows]
    beside = np.array([table.values[place[item]] if item in place else missing for item in items])
    against = difference_marks(table.values[rows], beside)
    return None if np.isnan(against).all() else against


def _reference(ratings: pd.DataFrame) -> str | None:
    names = ratings.loc[ratings["kind"] == REFERENCE, "method"]
    return str(names.iloc[0]) if len(names) else None


def _preferences(votes: pd.DataFrame, questions: Sequence[str]) -> dict[str, Preference]:
    if votes.empty:
        return {}
    found = ((question, preference(votes[votes["question"] == question])) for question in questions)
    return {question: strengths for question, strengths in found if strengths is not None}


def _with_metrics(found: Results, scores: StudyScores) -> Results:
    """The results with what metrics say of the same clips, the hidden reference left aside.

    By many metrics the real video is perfect by definition, which says nothing of the methods.
    """
    correlations: list[Correlation] = []
    by_method: list[Correlation] = []
    predictions = []
    for question, votes in found.preference.items():
        strengths = {method: entry.strength for method, entry in votes.methods.items()}
        for metric, values in scores.values.items():
            by_method.append(correlate_strengths(question, metric, values, strengths))
    for question in dict.fromkeys(asked for asked, _ in found.outcomes):
        mos: dict[Clip, float] = {
            (item, method): outcome.opinion.mos
            for (asked, item, method), outcome in found.clips.items()
            if asked == question and method != found.reference and outcome.opinion.mos is not None
        }
        for metric, values in scores.values.items():
            correlations.append(correlate(question, metric, values, mos))
            by_method.append(correlate_methods(question, metric, values, mos))
        predictions.append(predict_mos(question, scores, mos, found.used))
    return replace(
        found,
        correlations=tuple(correlations),
        method_correlations=tuple(by_method),
        predictions=tuple(prediction for prediction in predictions if prediction is not None),
    )
