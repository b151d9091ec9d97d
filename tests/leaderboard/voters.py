"""Simulated people: votes with a planted order and marks, put into a study as an export is."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from eval.study.storage.csv_import_export import COLUMNS, import_csv
from eval.study.storage.store import Store, StudyInfo

BEGAN = datetime(2026, 9, 21, 8, tzinfo=UTC)
TIE = 0.3  # Davidson's ν


def vote(
    store: Store,
    study: StudyInfo,
    strengths: Mapping[str, float],
    people: int,
    seed: int = 0,
    always_left: bool = False,
    change_minds: bool = False,
) -> int:
    """People who vote on every pair of an arena as Davidson's model has it; how many votes there were.

    Args:
        store, study: where.
        strengths: log worth of each method.
        people: how many.
        seed: of their choices; another one makes other people.
        always_left: they choose the left one whatever it is.
        change_minds: they first say the opposite of everything.
    """
    clips = store.stimuli(study.id)
    pairs = [
        (item, one, two)
        for item, of_item in clips.groupby("item", sort=False)
        for one, two in combinations(of_item["method"], 2)
    ]
    rng = np.random.default_rng(seed)

    def answers() -> Iterator[dict[str, Any]]:
        for rater in range(people):
            for position, (item, one, two) in enumerate(pairs):
                half = (strengths[one] - strengths[two]) / 2
                chances = np.array([TIE, np.exp(half), np.exp(-half)])
                mark, left = int(rng.choice(3, p=chances / chances.sum())), int(rng.integers(2))
                mark = 1 + left if always_left else mark
                row = {
                    "rater": f"s{seed}r{rater}", "position": position, "kind": "rated", "item": item,
                    "method": one, "other_method": two, "left": (one, two)[left], "question": "overall",
                }  # fmt: skip
                if change_minds:
                    yield row | {"mark": (0, 2, 1)[mark], "token": "first"}
                yield row | {"mark": mark, "token": "last"}

    _bring(store, study, answers)
    return people * len(pairs)


def rate(store: Store, study: StudyInfo, people: int) -> None:
    """People who like the later methods better, each by a mark, and differ by one."""
    clips = store.stimuli(study.id)

    def answers() -> Iterator[dict[str, Any]]:
        for rater in range(people):
            for position, clip in enumerate(clips.itertuples()):
                for place, question in enumerate(study.spec.questions):
                    yield {
                        "rater": f"r{rater}", "position": position, "kind": clip.kind, "item": clip.item,
                        "method": clip.method, "question": question.key, "token": "last",
                        "mark": int(clip.method[-1]) + 2 + rater % 2 - (place == 2),
                    }  # fmt: skip

    _bring(store, study, answers)


def _bring(store: Store, study: StudyInfo, answers: Callable[[], Iterator[dict[str, Any]]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "export.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            table = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            table.writeheader()
            for number, row in enumerate(answers()):
                handed = BEGAN + timedelta(seconds=20 * number)
                times = {"began": BEGAN, "handed": handed, "time": handed + timedelta(seconds=8 + number % 3)}
                table.writerow({"language": "en", "trial": f"t{row['position']}", **times, **row})
        import_csv(store, study.id, path)
