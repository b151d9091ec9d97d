"""The leaderboard that the page shows as an example: simulated votes and marks, and the example set's scores.

It is computed as every leaderboard is, from files of votes, of marks and of a benchmark, in a folder that is
gone afterwards.
"""

from __future__ import annotations

import csv
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from eval.leaderboard.board import Board
from eval.leaderboard.standings import Standings
from eval.study.storage.csv_import_export import import_csv
from eval.study.storage.models import RATED, REFERENCE
from eval.study.storage.spec import Spec, read_spec
from eval.study.storage.store import Store, StudyClip, StudyInfo, new_id
from eval.ui.study.example_study import MARKS, SPEC
from lipsync.assets import asset

VOTES = asset("examples") / "votes.csv"  # of people who were simulated, as their names say
REPORT = asset("examples") / "report.json"
SUITE = "example"
SECONDS = 5.0  # that a clip plays, about


@cache
def example_standings() -> Standings:
    """The example, with the names of all methods."""
    with TemporaryDirectory() as folder:
        store = Store(f"sqlite:///{folder}/study.sqlite", Path(folder))
        try:
            marks = replace(read_spec(SPEC), leaderboard=True, suite=SUITE)
            store.close_study(_filled(store, marks, MARKS).id)
            _filled(store, votes_spec(), VOTES)
            board = Board(store)
            board.add(REPORT)
            titles = board.titles()
            return board.standings().renamed(lambda method: titles.get(method, method))
        finally:
            store.close()


def votes_spec() -> Spec:
    """The arena of the example."""
    return Spec.from_dict(
        {
            "title": "Example",
            "source": {"folder": "."},
            "mode": "pairwise",
            "leaderboard": True,
            "suite": SUITE,
        }
    )


def _filled(store: Store, spec: Spec, marks: Path) -> StudyInfo:
    """A study of the clips that a file of marks or votes names, with these."""
    with marks.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    named = {(row["item"], row[column]) for row in rows for column in ("method", "other_method")}
    clips = [
        StudyClip(f"{new_id()}.mp4", REFERENCE if method == spec.reference else RATED, item, method, SECONDS)
        for item, method in sorted(named)
        if method
    ]
    study = store.open_study(store.add(spec, clips).id)
    import_csv(store, study.id, marks)
    return study
