import numpy as np
import pandas as pd
import pytest

from eval.functional.mouth.spread import OpeningSums, spread, spread_compute, spread_update


def openings(frames: int, seed: int) -> np.ndarray:
    return np.abs(np.random.default_rng(seed).normal(0.1, 0.05, frames))


def test_one_clip_equals_the_ratio_of_standard_deviations():
    ours, real = openings(60, 1), openings(60, 2)
    score = spread([(ours, real)])
    assert score.ratio == pytest.approx(np.std(ours) / np.std(real), rel=1e-12)
    assert score.generated == pytest.approx(np.std(ours), rel=1e-12)
    assert score.frames == 60


def test_clips_are_pooled_about_their_own_means():
    """Equal to the within-clip deviation that pandas gives; a clip that is wider open adds nothing."""
    clips = [(openings(n, n) + wide, openings(n, 100 + n) + n) for n, wide in ((30, 0), (50, 0.4), (11, 0.1))]
    table = pd.concat(
        pd.DataFrame({"ours": a, "real": b, "clip": number}) for number, (a, b) in enumerate(clips)
    )
    within = table[["ours", "real"]] - table.groupby("clip")[["ours", "real"]].transform("mean")
    ours, real = within.pow(2).mean().pow(0.5)
    score = spread(clips)
    assert (score.generated, score.reference) == pytest.approx((ours, real))
    assert score.ratio == pytest.approx(ours / real)


def test_a_mouth_that_opens_half_as_far_has_half_the_spread():
    real = openings(40, 3)
    assert spread([(0.5 * real + 0.2, real)]).ratio == pytest.approx(0.5)
    assert spread([(np.full(40, 0.1), real)]).ratio == pytest.approx(0, abs=1e-12)


def test_frames_without_a_face_in_either_are_left_out():
    ours, real = openings(20, 4), openings(20, 5)
    holes = ours.copy(), real.copy()
    holes[0][3], holes[1][[7, 8]] = np.nan, np.nan
    kept = np.setdiff1d(np.arange(20), [3, 7, 8])
    assert spread([holes]).ratio == pytest.approx(ours[kept].std() / real[kept].std())
    assert spread([holes]).frames == 17
    assert spread_update(np.full(4, np.nan), np.ones(4)) == OpeningSums()


def test_what_has_no_answer_is_said():
    with pytest.raises(ValueError, match="does not move"):
        spread_compute(spread_update(openings(10, 0), np.full(10, 0.1)))
    with pytest.raises(ValueError, match="must both be"):
        spread_update(np.zeros(4), np.zeros(5))
