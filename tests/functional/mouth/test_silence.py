import numpy as np
import pandas as pd
import pytest

from eval.functional.mouth.silence import silence, silence_compute, silence_update


def clip(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Openings in silence, of the real mouth, and with own speech, of three lengths."""
    rng = np.random.default_rng(seed)
    return rng.uniform(0, 0.06, 75), rng.uniform(0, 0.3, 200), rng.uniform(0, 0.2, 180)


def test_one_clip_equals_pandas():
    silent, real, speaking = clip(0)
    found = silence_update(silent, real, speaking)
    assert found.opening == pytest.approx(pd.Series(silent).mean())
    assert found.spread == pytest.approx(pd.Series(silent).std(ddof=0))
    assert found.quartile == pytest.approx(pd.Series(real).describe()["25%"])
    assert found.speech == pytest.approx(pd.Series(speaking).std(ddof=0))


def test_ratios_are_of_means_over_clips():
    clips = [clip(seed) for seed in range(4)]
    score = silence(clips)
    rest = np.mean([np.percentile(real, 25) for _, real, _ in clips])
    assert score.opening_ratio == pytest.approx(np.mean([s.mean() for s, _, _ in clips]) / rest)
    moving = np.mean([s.std() for s, _, _ in clips]) / np.mean([v.std() for _, _, v in clips])
    assert score.spread_ratio == pytest.approx(moving)
    assert score.clips == 4


def test_targets_met_by_each_clip_are_counted():
    talk = np.tile([0.0, 0.1, 0.2, 0.3, 0.4], 8)  # lower quartile 0.1, deviation 0.1414
    calm = 0.1 + 0.02 * np.tile([1.0, -1.0], 20)  # as wide as at rest, deviation 0.02
    restless = 0.1 + 0.03 * np.tile([1.0, -1.0], 20)  # 0.21 of the spread with speech
    open_mouth = np.full(40, 0.11)
    score = silence([(side, talk, talk) for side in (calm - 1e-9, restless - 1e-9, open_mouth)])
    assert (score.closed, score.still, score.clips) == (2, 2, 3)


def test_clips_without_a_face_are_left_out():
    silent, real, speaking = clip(1)
    blind = np.full(75, np.nan)
    blind[:4] = 0.1
    assert silence_update(blind, real, speaking) is None
    assert silence_update(silent, real, speaking[:4]) is None
    blind[:5] = 0.1
    assert silence_update(blind, real, speaking).frames == 5
    one = silence_update(silent, real, speaking)
    assert silence_compute([None, one]) == silence_compute([one])
    with pytest.raises(ValueError, match="no clip"):
        silence_compute([None])


def test_a_mouth_that_never_moves_has_no_ratio():
    still = np.full(10, 0.0)
    score = silence([(still, still, still)])
    assert np.isnan(score.opening_ratio)
    assert np.isnan(score.spread_ratio)
    assert (score.closed, score.still) == (1, 1)
