"""Ridge regression against scikit-learn, and cross-validation that keeps groups together."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn.linear_model
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from eval.study.statistics.prediction.ridge import (
    FOLDS,
    PENALTIES,
    best_penalty,
    cross_validated,
    fit_ridge,
    fold_numbers,
)

ITEMS, METHODS = 8, 4
GROUPS = [f"i{item}" for item in range(ITEMS) for _ in range(METHODS)]
KINDS = [f"m{method}" for _ in range(ITEMS) for method in range(METHODS)]


def sample(columns: int = 5, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(len(GROUPS), columns)) * 10.0 ** np.arange(columns) + 7
    return x, 3 + (x[:, 0] - 7) - 0.05 * (x[:, 1] - 7) + rng.normal(0, 0.5, len(x))


def test_weights_are_those_of_scikit_learn() -> None:
    x, y = sample()
    ours = fit_ridge(x, y, 0.3)
    scaled = StandardScaler().fit(x)
    theirs = sklearn.linear_model.Ridge(alpha=0.3 * len(y)).fit(scaled.transform(x), y)
    assert ours.weights == pytest.approx(theirs.coef_)
    assert ours.intercept == pytest.approx(theirs.intercept_)
    assert (ours.means, ours.scales) == (pytest.approx(scaled.mean_), pytest.approx(scaled.scale_))
    assert ours.predict(x[:3] + 1) == pytest.approx(theirs.predict(scaled.transform(x[:3] + 1)))


def test_the_penalty_is_that_of_a_grid_search_over_the_same_folds() -> None:
    """α is N times the penalty, so with folds of one size it is the same grid."""
    x, y = sample(seed=3)
    seen = len(y) * (ITEMS - 1) / ITEMS
    search = GridSearchCV(
        make_pipeline(StandardScaler(), sklearn.linear_model.Ridge()),
        {"ridge__alpha": PENALTIES * seen},
        cv=GroupKFold(ITEMS),
        scoring="neg_mean_squared_error",
    ).fit(x, y, groups=GROUPS)
    assert best_penalty(x, y, GROUPS) * seen == pytest.approx(search.best_params_["ridge__alpha"])


@pytest.mark.parametrize("kinds", [None, KINDS])
def test_a_row_is_predicted_by_what_never_saw_its_group_nor_its_kind(kinds: list[str] | None) -> None:
    x, y = sample()
    predicted, mean = cross_validated(x, y, GROUPS, kinds)
    for row in (0, 9, 31):
        seen = [
            other
            for other in range(len(y))
            if GROUPS[other] != GROUPS[row] and (kinds is None or kinds[other] != kinds[row])
        ]
        penalty = best_penalty(x[seen], y[seen], [GROUPS[other] for other in seen])
        assert predicted[row] == pytest.approx(fit_ridge(x[seen], y[seen], penalty).predict(x[row]))
        assert mean[row] == pytest.approx(y[seen].mean())


def test_an_item_under_two_methods_stays_in_one_fold() -> None:
    """Columns that only tell the items apart say nothing of an item that was left out whole."""
    rng = np.random.default_rng(0)
    items = [f"i{item}" for item in range(40) for _ in range(2)]
    x = np.repeat(np.eye(40), 2, axis=0)
    y = np.repeat(rng.normal(3, 1, 40), 2) + rng.normal(0, 0.1, 80)
    folds = fold_numbers(items)
    assert (folds[::2] == folds[1::2]).all()
    assert np.bincount(folds).tolist() == [80 // FOLDS] * FOLDS
    predicted, mean = cross_validated(x, y, items)
    assert ((predicted - y) ** 2).mean() > 0.99 * ((mean - y) ** 2).mean()
    # Rows as groups, which is what must not happen, seem to predict nearly everything.
    leaking, _ = cross_validated(x, y, [str(row) for row in range(80)])
    assert ((leaking - y) ** 2).mean() < 0.1 * ((mean - y) ** 2).mean()


def test_a_constant_column_has_no_say() -> None:
    x, y = sample()
    x[:, 2] = 5.0
    ridge = fit_ridge(x, y, 0.1)
    assert ridge.weights[2] == 0
    without = fit_ridge(np.delete(x, 2, axis=1), y, 0.1)
    assert ridge.predict(x) == pytest.approx(without.predict(np.delete(x, 2, axis=1)))


def test_uneven_groups_are_spread_evenly() -> None:
    groups = [f"g{number}" for number in range(25) for _ in range(1 + number % 3)]
    folds = fold_numbers(groups)
    sizes = np.bincount(folds)
    assert len(sizes) == FOLDS
    assert sizes.max() - sizes.min() <= 3
    assert all(len(set(folds[[g == name for g in groups]])) == 1 for name in set(groups))
