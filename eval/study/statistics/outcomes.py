"""The results of a study."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from eval.study.statistics.agreement import Agreement
from eval.study.statistics.contrasts import Contrast, Friedman
from eval.study.statistics.correlation import Correlation
from eval.study.statistics.mos import Opinion
from eval.study.statistics.prediction.predicted_mos import MosPrediction
from eval.study.statistics.preference import Preference
from eval.study.statistics.screening import Exclusion


@dataclass(frozen=True)
class Outcome:
    """The ratings of one method, or of one clip, in one question, summarised.

    Attributes:
        opinion: MOS with its intervals, n, spread and histogram.
        dmos: the same against the hidden reference; None without one, and for the reference itself.
        corrected: MOS after the raters' biases and inconsistencies (ITU-T P.913, 12.6, or with shrinkage, see
            :func:`eval.study.statistics.correction.corrected_mos`); None without marks.
    """

    opinion: Opinion
    dmos: Opinion | None = None
    corrected: float | None = None


@dataclass(frozen=True, eq=False)
class Results:
    """A study, evaluated.

    Attributes:
        questions: keys, in the order of the study.
        methods: rated methods, without the hidden reference.
        reference: name of the hidden reference; None without one.
        items: which clips, in order.
        raters: everybody with a mark or vote, training left aside.
        excluded: who is left out by the screening, and why; also filled where ``screened`` is false, to show
            who would be.
        screened: whether they are left out of the numbers.
        outcomes: (question, method) to what raters said; the hidden reference is among them.
        clips: (question, item, method) to the same for one clip.
        agreement: question to alpha and ICCs, over all clips.
        friedman: question to the test of all methods; None where it cannot be made.
        contrasts: question to every two methods; the reference takes no part.
        preference: question to the strengths from pairwise votes; empty without votes.
        correlations: of every metric with every question, clip by clip; empty without scores.
        method_correlations: the same, method by method.
        predictions: what all metrics together are worth in each question; empty without scores.
        shrunk: whether the corrected MOS is with shrinkage instead of as ITU-T P.913 has it.
        caveats: sentences to read beside the tables.
    """

    questions: tuple[str, ...]
    methods: tuple[str, ...]
    reference: str | None
    items: tuple[str, ...]
    raters: tuple[str, ...]
    excluded: tuple[Exclusion, ...]
    screened: bool
    outcomes: Mapping[tuple[str, str], Outcome]
    clips: Mapping[tuple[str, str, str], Outcome]
    agreement: Mapping[str, Agreement]
    friedman: Mapping[str, Friedman | None]
    contrasts: Mapping[str, tuple[Contrast, ...]]
    preference: Mapping[str, Preference] = field(default_factory=dict)
    correlations: tuple[Correlation, ...] = ()
    method_correlations: tuple[Correlation, ...] = ()
    predictions: tuple[MosPrediction, ...] = ()
    shrunk: bool = False
    caveats: tuple[str, ...] = ()

    @property
    def used(self) -> int:
        """Raters whose marks are in the numbers."""
        return len(self.raters) - (len(self.excluded) if self.screened else 0)

    @property
    def ranked(self) -> tuple[str, ...]:
        """Methods of a study of pairs with the reference, the strongest in the first question first."""
        found = [*(name for votes in self.preference.values() for name in votes.methods)]
        return tuple(dict.fromkeys(found))

    @property
    def pairwise(self) -> bool:
        """Whether this is a study of pairs."""
        return not self.outcomes and bool(self.preference)
