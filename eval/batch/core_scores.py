"""From the rows of cores to one line of numbers for each: what the openings of all its videos say."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from eval.batch.cores import OTHER, OWN, PICTURES, REAL, STILL, FacePair, ScoredCore
from eval.batch.job import frames_file
from eval.batch.silences import SILENCES
from eval.batch.summary import ScoreTable, summarise_rows
from eval.functional.mouth.closures import ClosureCounts, ClosureScore, closures_compute, closures_update
from eval.functional.mouth.lipcorr import ClipCorrelation, LipCorrScore, lipcorr_compute, lipcorr_update
from eval.functional.mouth.silence import SilenceScore, silence_compute, silence_update
from eval.functional.mouth.spread import OpeningSums, SpreadScore, spread_compute, spread_update
from eval.scoring.metrics.mouth.lipcorr import OPENINGS

OpeningPair = tuple[np.ndarray, np.ndarray]  # (T,) generated and reference
LIPCORR = "lipcorr"
NEAR = 1  # frames of offset within which a video counts as in sync


@dataclass(frozen=True)
class CoreScores:
    """All columns of one row; None where there is nothing to compute one of.

    Attributes:
        name: the core, or a control.
        lipcorr: own speech against the real mouth.
        followed: other speech against the mouth of the person who said it.
        leak: other speech against the mouth that was in the video.
        silence: by kind of silence.
        spread, closures: own speech.
        pictures: means of ``PICTURES`` with own speech.
        offsets: of the videos with own speech, frames.
        faces: clips.
    """

    name: str
    faces: int
    lipcorr: LipCorrScore | None = None
    followed: LipCorrScore | None = None
    leak: LipCorrScore | None = None
    silence: Mapping[str, SilenceScore] = field(default_factory=dict)
    spread: SpreadScore | None = None
    closures: ClosureScore | None = None
    pictures: Mapping[str, float] = field(default_factory=dict)
    offsets: tuple[int, ...] = ()

    @property
    def in_sync(self) -> int:
        """Videos whose offset is at most one frame."""
        return sum(abs(offset) <= NEAR for offset in self.offsets)

    @property
    def worst_silence(self) -> tuple[float | None, float | None]:
        """The largest ``opening_ratio`` and ``spread_ratio`` of the kinds of silence."""
        kinds = self.silence.values()
        if not kinds:
            return None, None
        return max(kind.opening_ratio for kind in kinds), max(kind.spread_ratio for kind in kinds)


class CoreResults:
    """The finished rows of a batch that `eval.batch.cores` asked for.

    Args:
        results: of `eval.batch.rows.run`.
        folder: of the batch.
        faces: the clips that count.
    """

    def __init__(self, results: Sequence[dict[str, Any]], folder: Path, faces: Sequence[FacePair]):
        self._results, self._folder, self._faces = results, folder, faces
        self._good = {(row["item"], row["method"]) for row in results if "scores" in row}

    def table(self, core: ScoredCore) -> ScoreTable:
        """Still frame, own and other speech of one core, as on its card."""
        kinds = {STILL: STILL, core.row(OWN): OWN, core.row(OTHER): OTHER}
        rows = [{**row, "method": kinds[row["method"]]} for row in self._results if row["method"] in kinds]
        return summarise_rows(rows, self._folder)

    def failed(self) -> list[str]:
        """A line for every video without a score."""
        return [f"{r['item']}, {r['method']}: {r['error']}" for r in self._results if "error" in r]

    def core(self, core: ScoredCore) -> CoreScores:
        """All columns of one core."""
        table = self.table(core)
        own = [(face, found) for face in self._faces if (found := self._openings(face.name, core.row(OWN)))]
        return CoreScores(
            core.name,
            len(self._faces),
            lipcorr=table.details(LIPCORR).get(OWN),
            followed=_correlation(self._followed(core)),
            leak=table.details(LIPCORR).get(OTHER),
            silence=self._silence(core, own),
            spread=_spread(pair for _, pair in own),
            closures=_closures(pair for _, pair in own),
            pictures=_means(table, OWN),
            offsets=self._offsets(core.row(OWN)),
        )

    def controls(self, table: ScoreTable) -> list[CoreScores]:
        """The real videos, for the offset that the expert finds in them, and their first frames as stills."""
        still = [found for face in self._faces if (found := self._openings(face.name, STILL))]
        return [
            CoreScores(REAL, len(self._faces), offsets=self._offsets(REAL)),
            CoreScores(
                STILL,
                len(self._faces),
                lipcorr=table.details(LIPCORR).get(STILL),
                spread=_spread(still),
                closures=_closures(still),
                pictures=_means(table, STILL),
            ),
        ]

    def protocol(self, metric: str, method: str) -> str:
        """The protocol string of the first row of a method that has the metric."""
        rows = (
            row["scores"]["scores"] for row in self._results if "scores" in row and row["method"] == method
        )
        found = (scores[metric]["protocol"] for scores in rows if metric in scores)
        return next((protocol for protocol in found if protocol), "")

    def _openings(self, item: str, method: str) -> OpeningPair | None:
        """Openings of generated and reference in a finished row; None where they were not measured."""
        if (item, method) not in self._good:
            return None
        with frames_file(self._folder, item, method).open(newline="", encoding="utf-8") as file:
            lines = list(csv.DictReader(file))
        if not lines or any(name not in lines[0] for name in OPENINGS):
            return None
        generated, reference = (np.array([float(line[name] or "nan") for line in lines]) for name in OPENINGS)
        return generated, reference

    def _real(self, name: str) -> np.ndarray | None:
        found = self._openings(name, REAL)
        return None if found is None else found[1]

    def _followed(self, core: ScoredCore) -> Iterable[ClipCorrelation]:
        """The mouth drawn for other speech beside that of the person who said it, while both last."""
        for face in self._faces:
            drawn, spoken = self._openings(face.name, core.row(OTHER)), self._real(face.speaker)
            if drawn is not None and spoken is not None:
                frames = min(len(drawn[0]), len(spoken))
                yield lipcorr_update(drawn[0][:frames], spoken[:frames])

    def _silence(
        self, core: ScoredCore, own: Sequence[tuple[FacePair, OpeningPair]]
    ) -> dict[str, SilenceScore]:
        scores = {}
        for kind in SILENCES:
            clips = [
                silence_update(silent[0], real, speaking[0])
                for face, speaking in own
                if (silent := self._openings(face.name, core.row(kind.name))) is not None
                and (real := self._real(face.name)) is not None
            ]
            if any(clips):
                scores[kind.name] = silence_compute(clips)
        return scores

    def _offsets(self, method: str) -> tuple[int, ...]:
        names = {face.name for face in self._faces}
        values = [
            row["scores"]["scores"].get("offset", {}).get("value")
            for row in self._results
            if "scores" in row and row["method"] == method and row["item"] in names
        ]
        return tuple(round(value) for value in values if value is not None)


def _correlation(clips: Iterable[ClipCorrelation]) -> LipCorrScore | None:
    clips = list(clips)
    return lipcorr_compute(clips) if any(clip.by_lag is not None for clip in clips) else None


def _spread(pairs: Iterable[OpeningPair]) -> SpreadScore | None:
    total = sum((spread_update(*pair) for pair in pairs), OpeningSums())
    return spread_compute(total) if total.reference > 0 else None


def _closures(pairs: Iterable[OpeningPair]) -> ClosureScore | None:
    total = sum((closures_update(*pair) for pair in pairs), ClosureCounts())
    return closures_compute(total) if total.frames else None


def _means(table: ScoreTable, method: str) -> dict[str, float]:
    """Mean of each picture metric that the method has."""
    return {
        column.metric: column.methods[method].mean
        for column in table.columns
        if column.metric in PICTURES and method in column.methods
    }
