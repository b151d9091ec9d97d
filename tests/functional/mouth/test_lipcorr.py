import numpy as np
import pytest
from scipy.stats import pearsonr

from eval.functional.mouth.lipcorr import lipcorr, lipcorr_compute, lipcorr_update


def speech(frames: int, seed: int) -> np.ndarray:
    """(frames,) a mouth that opens about four times a second."""
    noise = np.random.default_rng(seed).normal(0, 1, frames + 40)
    kernel = np.hanning(7) - 0.8 * np.hanning(19)[6:13]
    return np.abs(np.convolve(noise, kernel, "same"))[20:-20]


def test_every_lag_equals_scipy():
    reference = speech(80, 1)
    generated = reference + speech(80, 2)
    clip = lipcorr_update(generated, reference)
    for lag, r in zip(range(-5, 6), clip.by_lag, strict=True):
        pairs = [(generated[t + lag], reference[t]) for t in range(80) if 0 <= t + lag < 80]
        assert r == pytest.approx(pearsonr(*zip(*pairs, strict=True)).statistic, abs=1e-12)
    assert clip.frames == 80


@pytest.mark.parametrize("late", [-4, 0, 3])
def test_finds_the_one_lag_of_a_method(late):
    pairs = []
    for seed in range(4):
        whole = speech(120, seed)
        pairs.append((whole[10 - late : 110 - late], whole[10:110]))
    score = lipcorr(pairs)
    assert score.lag == late
    assert score.r == pytest.approx(1)
    assert score.r_zero == score.by_lag[5] == pytest.approx(1 if late == 0 else score.r_zero)
    assert late == 0 or score.r_zero < 0.5


def test_unrelated_clips_get_nothing_from_the_choice_of_lag():
    pairs = [(speech(75, seed), speech(75, 1000 + seed)) for seed in range(60)]
    best_per_clip = np.mean([max(lipcorr_update(*pair).by_lag) for pair in pairs])
    assert best_per_clip > 0.15  # what the protocol forbids
    assert abs(lipcorr(pairs).r) < 0.06


def test_a_single_clip_does_not_choose_its_lag():
    whole = speech(120, 0)
    score = lipcorr([(whole[7:107], whole[10:110])])
    assert (score.lag, score.clips) == (0, 1)
    assert score.r == score.r_zero
    assert max(score.by_lag) == pytest.approx(1)


def test_clips_weigh_by_their_frames():
    long, short = (speech(200, 0), speech(200, 0)), (speech(50, 1), -speech(50, 1))
    score = lipcorr([long, short])
    assert score.r_zero == pytest.approx((200 * 1 + 50 * -1) / 250)


def test_frames_without_a_face_are_left_out():
    reference = speech(60, 0)
    generated = reference + speech(60, 1)
    holes = generated.copy()
    holes[[3, 20, 21]] = np.nan
    keep = ~np.isnan(holes)
    clip = lipcorr_update(holes, reference)
    assert clip.frames == 57
    assert clip.by_lag[5] == pytest.approx(pearsonr(generated[keep], reference[keep]).statistic)


def test_a_still_mouth_gets_zero_and_is_counted():
    score = lipcorr([(np.full(50, 0.1), speech(50, seed)) for seed in range(3)])
    assert (score.r, score.still, score.clips) == (0, 3, 3)


def test_clips_that_say_nothing_are_counted_apart():
    silent = lipcorr_update(speech(50, 0), np.full(50, 0.2))
    faceless = lipcorr_update(np.full(50, np.nan), speech(50, 1))
    tiny = lipcorr_update(speech(8, 0), speech(8, 0))
    good = lipcorr_update(speech(50, 2), speech(50, 2))
    score = lipcorr_compute([silent, faceless, tiny, good])
    assert (score.clips, score.unusable) == (1, 3)
    assert score.r == pytest.approx(1)
    with pytest.raises(ValueError, match="none of the 2 clips"):
        lipcorr_compute([silent, faceless])


def test_real_mouths_in_and_out_of_sync(shared):
    """Landmarks of real clips: a clip agrees with its reconstruction, not with another person."""
    from lipsync.faces.tracking.landmarks import Landmarker, mouth_opening
    from tests.functional.conftest import read_frames

    landmarker = Landmarker(shared / "weights/face_landmarker.task")

    def opening(clip: str) -> np.ndarray:
        found = [landmarker(frame) for frame in read_frames(shared / f"data/{clip}.mp4", 50)]
        return np.array([np.nan if f is None else mouth_opening(f.points) for f in found])

    first, second = opening("train/id003_clip04"), opening("train/id077_clip01")
    made_first, made_second = (
        opening("generated/DAE-Talker_id003_clip08"),
        opening("generated/DAE-Talker_id077_clip05"),
    )
    landmarker.close()
    right = lipcorr([(made_first, first), (made_second, second)])
    wrong = lipcorr([(made_second, first), (made_first, second)])
    assert right.lag == 0
    assert right.r > 0.7
    assert wrong.r < 0.4
