"""Ridge regression whose penalty and error come from cross-validation over whole groups of rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

PENALTIES = np.logspace(-4, 3, 15)  # per row; with the largest one all weights are about 0
FOLDS = 10


@dataclass(frozen=True, eq=False)
class Ridge:
    """A fitted regression on standardised columns.

    Attributes:
        means, scales: (F,) mean and standard deviation (divisor N); scale 1 where all are equal.
        weights: (F,) change of the prediction for one standard deviation.
        intercept: mean of the targets.
        penalty: per row.
    """

    means: np.ndarray
    scales: np.ndarray
    weights: np.ndarray
    intercept: float
    penalty: float

    def predict(self, x: np.ndarray) -> np.ndarray:
        """(N,) predictions of (N, F) rows."""
        return self.intercept + (x - self.means) / self.scales @ self.weights


def fit_ridge(x: np.ndarray, y: np.ndarray, penalty: float) -> Ridge:
    """The weights that minimise the mean squared error plus ``penalty`` times their squared norm.

    Args:
        x: (N, F) columns of any scale.
        y: (N,) targets.
        penalty: above 0; N times it is the α of scikit-learn's ``Ridge``.
    """
    means, scales = _standard(x)
    z = (x - means) / scales
    gram = z.T @ z / len(z) + penalty * np.eye(z.shape[1])
    intercept = float(y.mean())
    return Ridge(means, scales, np.linalg.solve(gram, z.T @ (y - intercept) / len(z)), intercept, penalty)


def fold_numbers(groups: Sequence[str]) -> np.ndarray:
    """(N,) the fold of every row: rows of one group share it, and the folds hold about equally many rows.

    Each group is a fold of its own where there are at most `FOLDS` of them.
    """
    rows = Counter(groups)
    sizes = [0] * min(FOLDS, len(rows))
    of_group = {}
    for group, count in rows.most_common():  # the largest first, each into the smallest fold
        of_group[group] = sizes.index(min(sizes))
        sizes[of_group[group]] += count
    return np.array([of_group[group] for group in groups], int)


def best_penalty(x: np.ndarray, y: np.ndarray, groups: Sequence[str]) -> float:
    """The penalty with the smallest squared error in cross-validation; of equal ones the largest.

    Args:
        x: (N, F). y: (N,).
        groups: (N,) of at least two names.
    """
    errors = np.zeros(len(PENALTIES))
    folds = fold_numbers(groups)
    for fold in range(folds.max() + 1):
        out = folds == fold
        errors += ((_path(x[~out], y[~out], x[out]) - y[out]) ** 2).sum(1)
    return float(PENALTIES[np.flatnonzero(errors <= errors.min() * (1 + 1e-12)).max()])


def cross_validated(
    x: np.ndarray, y: np.ndarray, groups: Sequence[str], kinds: Sequence[str] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """What is predicted of each row by regressions that never saw its group, and by the mean they saw.

    The penalty, too, is chosen without the fold that is predicted (nested cross-validation).

    Args:
        x: (N, F). y: (N,).
        groups: (N,) names; at least three.
        kinds: (N,) names; where given, the regressions never saw the row's kind in any group either.

    Returns:
        (N,) predictions and (N,) means; NaN where too little is left to fit on.
    """
    folds, names = fold_numbers(groups), np.array(groups)
    of_kind = np.array(["" for _ in groups] if kinds is None else kinds)
    predicted, mean = np.full(len(y), np.nan), np.full(len(y), np.nan)
    for fold in range(folds.max() + 1):
        for kind in dict.fromkeys(of_kind[folds == fold]):
            wanted = (folds == fold) & (of_kind == kind)
            seen = folds != fold if kinds is None else (folds != fold) & (of_kind != kind)
            if len(set(names[seen])) < 2:
                continue
            penalty = best_penalty(x[seen], y[seen], names[seen].tolist())
            predicted[wanted] = fit_ridge(x[seen], y[seen], penalty).predict(x[wanted])
            mean[wanted] = y[seen].mean()
    return predicted, mean


def _path(x: np.ndarray, y: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """(P, M) predictions of (M, F) rows with every penalty, from one decomposition."""
    means, scales = _standard(x)
    z = (x - means) / scales
    values, vectors = np.linalg.eigh(z.T @ z / len(z))
    along = vectors.T @ (z.T @ (y - y.mean())) / len(z)
    weights = along / (np.maximum(values, 0) + PENALTIES[:, None])  # (P, F) along the eigenvectors
    return y.mean() + weights @ ((wanted - means) / scales @ vectors).T


def _standard(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    means, scales = x.mean(0), x.std(0)
    return means, np.where(scales > 1e-12 * np.maximum(1, np.abs(means)), scales, 1.0)
