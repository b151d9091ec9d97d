import numpy as np
import pytest
from scipy.spatial.distance import cosine

from eval.functional.face.identity_drift import identity_drift, identity_drift_compute, identity_drift_update


def test_equals_scipy_second_by_second():
    rng = np.random.default_rng(0)
    embeddings = rng.normal(1, 1, (60, 8))
    embeddings[30] = np.nan
    unit = embeddings / np.sqrt((embeddings**2).sum(1))[:, None]
    first, second, third = unit[:25].mean(0), np.delete(unit[25:50], 5, 0).mean(0), unit[50:].mean(0)
    distances = cosine(first, second), cosine(first, third)
    score = identity_drift_compute(identity_drift_update(embeddings))
    assert (score.mean, score.last, score.seconds) == (
        pytest.approx(np.mean(distances)), pytest.approx(distances[1]), 3,
    )  # fmt: skip


def test_a_face_that_turns_into_another_drifts_and_one_that_moves_about_does_not():
    rng = np.random.default_rng(1)
    one, other = rng.normal(size=(2, 128))
    grain = rng.normal(0, 0.3, (150, 128))
    share = np.linspace(0, 1, 150)[:, None]
    steady, changing = one + grain, (1 - share) * one + share * other + grain
    assert identity_drift(steady) < 0.02
    assert identity_drift(changing) > 0.3
    late = np.concatenate([steady[:125], changing[125:]])
    assert identity_drift(steady) < identity_drift(late) < identity_drift(changing)
    assert identity_drift(np.repeat(steady[:1], 150, 0)) == pytest.approx(0)


def test_too_short_and_wrong_shapes():
    for embeddings in (np.ones((25, 3)), np.r_[np.ones((25, 3)), np.full((25, 3), np.nan)]):
        with pytest.raises(ValueError, match="fewer than 2 seconds"):
            identity_drift(embeddings)
    with pytest.raises(ValueError, match="must be"):
        identity_drift(np.ones(3))
