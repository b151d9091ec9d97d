import numpy as np
import pytest
import torch

from eval.functional.sync.lse import (
    best_offsets,
    lse,
    lse_compute,
    lse_mean,
    lse_update,
    lse_windows,
    share_in_sync,
)


def plain_lse(video: np.ndarray, audio: np.ndarray, shifts: int = 15) -> tuple[float, float, int, np.ndarray]:
    """LSE-D, LSE-C, offset and curve, window by window from the definition, with torch's distance."""
    zeros = torch.zeros(shifts, video.shape[1])
    padded = torch.cat([zeros, torch.tensor(audio), zeros])
    rows = [
        torch.nn.functional.pairwise_distance(torch.tensor(video[i])[None], padded[i : i + 2 * shifts + 1])
        for i in range(len(video))
    ]
    curve = torch.stack(rows, 1).mean(1).numpy()
    best = int(curve.argmin())
    return curve[best], np.median(curve) - curve[best], shifts - best, curve


def embeddings(windows: int, delay: int = 0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Video and audio embeddings of one speech; ``delay`` is how many frames late the audio is."""
    rng = np.random.default_rng(seed)
    speech = rng.normal(0, 1, (windows + 40, 1024)).cumsum(0).astype(np.float32) * 0.1
    video = speech[20 : 20 + windows] + rng.normal(0, 0.2, (windows, 1024)).astype(np.float32)
    return video, speech[20 - delay : 20 - delay + windows]


@pytest.mark.parametrize("delay", [-15, -3, 0, 4, 15])
def test_equals_the_definition_and_finds_the_delay(delay):
    video, audio = embeddings(60, delay)
    distance, confidence, offset, _ = plain_lse(video, audio)
    score = lse(video, audio)
    assert score.distance == pytest.approx(distance, rel=1e-5)
    assert score.confidence == pytest.approx(confidence, rel=1e-4)
    assert score.offset == offset == -delay


def test_identical_streams_keep_the_small_term_of_the_distance():
    _, audio = embeddings(40)
    assert lse(audio, audio).distance == pytest.approx(1e-6 * 1024**0.5, rel=0.1)


def test_shifts_beyond_the_clip_meet_zeros():
    video, audio = embeddings(12)
    curve = lse_update(video, audio).mean(0)
    np.testing.assert_allclose(curve, plain_lse(video, audio)[3], rtol=1e-5)
    norms = np.linalg.norm(video, axis=1)
    assert curve[0] == pytest.approx(norms.mean(), rel=1e-5)  # 12 windows lie wholly in 15 of padding


@pytest.mark.parametrize(
    ("windows", "full", "short"), [(20, 0, True), (30, 0, True), (95, 65, True), (96, 66, False)]
)
def test_says_how_much_of_it_rests_on_padding(windows, full, short):
    video, audio = embeddings(windows)
    score = lse(video, audio)
    supported = sum(1 for t in range(windows) if t >= 15 and t + 15 < windows)
    assert (score.windows, score.full_support, score.short) == (windows, full, short)
    assert score.full_support == supported


def test_windows_of_the_protocol():
    assert lse_windows(100, 16_000 * 4) == 95
    assert lse_windows(100, 640 * 60 + 639) == 55
    assert lse_windows(3, 10**6) == 0


def test_tracks_are_weighted_by_their_windows():
    a, b = lse(*embeddings(30, 2)), lse(*embeddings(90, -1, seed=1))
    both = lse_mean([a, b])
    assert both.distance == pytest.approx((30 * a.distance + 90 * b.distance) / 120)
    assert both.confidence == pytest.approx((30 * a.confidence + 90 * b.confidence) / 120)
    assert (both.offsets, both.windows) == ((-2, 1), 120)


def test_chunks_of_distances_join():
    video, audio = embeddings(50)
    distances = lse_update(video, audio)
    assert lse_compute(np.concatenate([distances[:20], distances[20:]])) == lse(video, audio)


def test_refuses_streams_that_do_not_fit():
    with pytest.raises(ValueError, match="must both be"):
        lse(np.zeros((5, 4)), np.zeros((6, 4)))
    with pytest.raises(ValueError, match="no window"):
        lse(np.zeros((0, 4)), np.zeros((0, 4)))
    with pytest.raises(ValueError, match="no face track"):
        lse_mean([])


def test_best_offsets_of_windows_equal_a_search_one_by_one():
    rng = np.random.default_rng(5)
    video, audio = rng.normal(size=(2, 40, 8))
    audio[6:] = video[:-6] + rng.normal(0, 0.1, (34, 8))  # the sound comes 6 frames after the picture
    audio[:6] = 0.1  # near to every window: what is beyond the ends must not win by its zeros
    found = best_offsets(lse_update(video, audio))
    for t in range(40):
        real = [shift for shift in range(-15, 16) if 0 <= t + shift < 40]
        nearest = min(real, key=lambda shift: np.linalg.norm(video[t] - audio[t + shift] + 1e-6))
        assert found[t] == -nearest
    assert (found[:34] == -6).mean() > 0.9


def test_share_of_windows_in_sync():
    assert share_in_sync(np.array([0, 1, -1, 2, -7])) == 3 / 5
    assert share_in_sync(np.array([0, 1, -1, 2, -7]), near=0) == 1 / 5
    with pytest.raises(ValueError, match="no window"):
        share_in_sync(np.zeros(0))
