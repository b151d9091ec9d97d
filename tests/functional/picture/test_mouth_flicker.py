import cv2
import numpy as np
import pytest

from eval.functional.picture.flicker import flicker, flicker_update

FRAMES, SIZE = 10, 96


@pytest.fixture(scope="module")
def mouth() -> tuple[np.ndarray, np.ndarray]:
    """A textured mouth that drifts by a third of a pixel a frame under faint grain, and its lips."""
    rng = np.random.default_rng(0)
    texture = cv2.GaussianBlur(rng.uniform(0, 255, (SIZE, SIZE, 3)).astype(np.float32), (0, 0), 2)
    texture = np.clip((texture - texture.mean()) * 4 + 128, 20, 235)
    around = np.array([[30, 48], [40, 40], [56, 40], [66, 48], [56, 60], [40, 60]], float)
    frames = np.stack([moved(texture, t / 3) for t in range(FRAMES)]) + rng.normal(
        0, 1, (FRAMES, SIZE, SIZE, 1)
    )
    return as_8_bit(frames), around + np.arange(FRAMES)[:, None, None] * [1 / 3, 0]


def moved(picture: np.ndarray, by: float) -> np.ndarray:
    move = np.float32([[1, 0, by], [0, 1, 0]])
    size = picture.shape[1], picture.shape[0]
    return cv2.warpAffine(picture, move, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)


def as_8_bit(frames: np.ndarray) -> np.ndarray:
    return np.clip(np.round(frames), 0, 255).astype(np.uint8)


def test_rises_with_noise_and_with_jumps_of_brightness(mouth):
    frames, lips = mouth
    rng = np.random.default_rng(1)
    found = [
        flicker(as_8_bit(frames + rng.normal(0, level, frames.shape)), frames, lips, lips)
        for level in (0, 2, 4, 8)
    ]
    assert found[0] == 1
    assert found[0] < found[1] < found[2] < found[3]
    jumps = frames + np.where(np.arange(FRAMES) % 2, 6.0, -6.0)[:, None, None, None]
    assert flicker(as_8_bit(jumps), frames, lips, lips) > 3


def test_does_not_rise_with_motion_and_slow_light(mouth):
    frames, lips = mouth
    steps = np.round(4 * np.sin(np.arange(FRAMES) / 2))
    shaken = np.stack([np.roll(frame, int(step), 1) for frame, step in zip(frames, steps, strict=True)])
    shaken_lips = lips + steps[:, None, None] * [1, 0]
    assert flicker(shaken, frames, shaken_lips, lips) < 1.3
    plain = (
        np.abs(np.diff(shaken.astype(float), axis=0)).mean()
        / np.abs(np.diff(frames.astype(float), axis=0)).mean()
    )
    assert plain > 2, "the plain difference of frames cannot tell"
    fade = frames * np.linspace(1, 0.8, FRAMES)[:, None, None, None]
    assert flicker(as_8_bit(fade), frames, lips, lips) < 1.2


def test_a_still_picture_has_none_and_grain_alone_has_its_level():
    """Without texture the flow finds nothing: what is left is the second difference of the noise."""
    rng = np.random.default_rng(2)
    noise = np.repeat(rng.normal(128, 5, (30, SIZE, SIZE, 1)), 3, axis=3)
    lips = np.tile([[8.0, 8], [88, 8], [88, 88], [8, 88]], (30, 1, 1))
    left = flicker_update(as_8_bit(noise), lips)
    assert np.isnan(left[[0, -1]]).all()
    # Median of |N(0, σ√1.5)|; a flow that fits the noise takes some of it away.
    assert 0.5 < np.nanmean(left) / (0.6745 * 5 * np.sqrt(1.5)) < 1.05
    assert np.nanmean(flicker_update(np.repeat(as_8_bit(noise)[:1], 30, 0), lips)) == 0


def test_frames_without_lips_are_left_out(mouth):
    frames, lips = mouth
    hidden = lips.copy()
    hidden[5] = np.nan
    left = flicker_update(frames, hidden)
    assert np.flatnonzero(np.isnan(left)).tolist() == [0, 4, 5, 6, FRAMES - 1]
    with pytest.raises(ValueError, match="no frame has a face"):
        flicker(frames, frames, np.full_like(lips, np.nan), lips)
    with pytest.raises(ValueError, match="from frame to frame"):
        flicker(frames, np.repeat(frames[:1], FRAMES, 0), lips, lips)
