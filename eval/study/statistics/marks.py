"""The marks of one question as a table of clips × raters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

LOWEST, HIGHEST = 1, 5  # the five-grade absolute category rating scale (ITU-T P.910, 8.1)

COLUMNS = ("rater", "stimulus", "kind", "item", "method", "question", "mark", "passed", "seconds", "time")
UNRATED = ("training", "catch")  # kinds of clips whose marks enter no mean


@dataclass(frozen=True, eq=False)
class Marks:
    """Marks of one question.

    Attributes:
        values: (clips, raters) float64, 1-5; NaN where a rater did not see a clip. No row and no column is
            empty.
        items, methods: of each clip; (item, method) names a clip.
        raters: pseudonyms.
    """

    values: np.ndarray
    items: tuple[str, ...]
    methods: tuple[str, ...]
    raters: tuple[str, ...]

    def of(self, method: str) -> Marks:
        """The clips of one method, and the raters who saw any of them."""
        rows = np.array([name == method for name in self.methods], bool)
        values = self.values[rows]
        columns = ~np.isnan(values).all(0) if len(values) else np.zeros(len(self.raters), bool)
        return Marks(
            values[:, columns],
            tuple(item for item, chosen in zip(self.items, rows, strict=True) if chosen),
            (method,) * int(rows.sum()),
            tuple(rater for rater, chosen in zip(self.raters, columns, strict=True) if chosen),
        )


def last_marks(ratings: pd.DataFrame) -> pd.DataFrame:
    """The rows that count: of several marks of one rater for one clip and question, the last in time.

    Args:
        ratings: as `eval.study.storage.store.Store.ratings` gives them; `COLUMNS` are needed, and
            ``clip_seconds`` is read where it is there.
    """
    if ratings.empty:
        return pd.DataFrame(columns=list(COLUMNS))
    ordered = ratings.sort_values("time", kind="stable")
    last = ordered.drop_duplicates(["rater", "stimulus", "question"], keep="last")
    return last.sort_index().reset_index(drop=True)


def rated(ratings: pd.DataFrame) -> pd.DataFrame:
    """The rows whose marks enter the results: those of neither training nor catch clips."""
    return ratings[~ratings["kind"].isin(UNRATED)]


def marks_of(ratings: pd.DataFrame, question: str) -> Marks:
    """The table of one question, clips and raters in the order in which they first come.

    Args:
        ratings: rows that count, from :func:`last_marks`.
    """
    rows = rated(ratings)
    rows = rows[rows["question"] == question]
    named = list(zip(rows["item"].tolist(), rows["method"].tolist(), strict=True))
    clips = list(dict.fromkeys(named))
    column, raters = pd.factorize(rows["rater"].to_numpy(object))
    values = np.full((len(clips), len(raters)), np.nan)
    row = {clip: place for place, clip in enumerate(clips)}
    values[[row[clip] for clip in named], column] = rows["mark"].to_numpy(float)
    return Marks(values, tuple(c[0] for c in clips), tuple(c[1] for c in clips), tuple(raters))
