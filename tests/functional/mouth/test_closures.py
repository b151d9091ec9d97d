import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score

from eval.functional.mouth.closures import (
    TOUCH,
    ClosureCounts,
    closures,
    closures_compute,
    closures_interval,
    closures_update,
)


def test_a_curve_drawn_by_hand():
    """Real lips touch in frames 1 to 4 and 8; drawn ones a frame late in the first, never in the second."""
    real = np.array([0.1, 0.01, 0.0, 0.02, 0.029, 0.2, 0.1, 0.05, 0.01, 0.1])
    ours = np.array([0.1, 0.10, 0.0, 0.02, 0.010, 0.0, 0.1, 0.05, 0.04, 0.1])
    score = closures([(ours, real)])
    assert (score.recall, score.precision) == (3 / 5, 3 / 4)
    assert (score.share, score.frames) == (0.5, 10)
    # At the threshold itself lips do not touch: frame 4 is out.
    assert closures([(ours, real)], touch=0.029).recall == 2 / 4


def test_many_clips_equal_a_cross_table():
    rng = np.random.default_rng(0)
    clips = [(rng.exponential(0.06, n), rng.exponential(0.05, n)) for n in (17, 60, 33)]
    table = pd.crosstab(*(np.concatenate(side) < TOUCH for side in zip(*clips, strict=True)))
    score = closures(clips)
    assert score.recall == pytest.approx(table.loc[True, True] / table[True].sum())
    assert score.precision == pytest.approx(table.loc[True, True] / table.loc[True].sum())
    assert score.share == pytest.approx(table[True].sum() / 110)
    touching = (np.concatenate(side) < TOUCH for side in zip(*clips, strict=True))
    assert score.f1 == pytest.approx(f1_score(*reversed(list(touching))))


def test_interval_equals_one_drawn_clip_by_clip():
    rng = np.random.default_rng(2)
    clips = [closures_update(rng.exponential(0.06, n), rng.exponential(0.05, n)) for n in (17, 60, 33, 20)]
    drawn = [sum((clips[i] for i in rng.integers(0, 4, 4)), ClosureCounts()) for _ in range(4000)]
    wanted = np.quantile([closures_compute(total).f1 for total in drawn], [0.025, 0.975])
    np.testing.assert_allclose(closures_interval(clips), wanted, atol=0.02)
    assert np.isnan(closures_interval(clips[:1])).all()


def test_a_mouth_that_stays_closed_has_the_precision_of_chance():
    real = np.random.default_rng(1).exponential(0.05, 50)
    score = closures([(np.zeros(50), real)])
    assert score.recall == 1
    assert score.precision == score.share == (real < TOUCH).mean()
    assert score.f1 == pytest.approx(2 * score.share / (1 + score.share))


def test_frames_without_a_face_and_lips_that_never_touch():
    hole = np.array([0.0, np.nan, 0.0, 0.2])
    assert closures_update(hole, np.array([0.0, 0.0, np.nan, 0.2])).frames == 2
    never = closures([(np.full(4, 0.1), np.zeros(4))])
    assert (never.recall, never.f1, np.isnan(never.precision)) == (0, 0, True)
    assert np.isnan(closures([(np.full(4, 0.1), np.full(4, 0.1))]).f1)
    assert np.isnan(closures([(np.zeros(4), np.full(4, 0.1))]).recall)
    with pytest.raises(ValueError, match="no frame"):
        closures_compute(closures_update(np.full(3, np.nan), np.zeros(3)))
    with pytest.raises(ValueError, match="must both be"):
        closures_update(np.zeros(3), np.zeros(2))
