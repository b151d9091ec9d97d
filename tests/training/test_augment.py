"""Framing: pictures and points move together, and no framing is the crop that is used."""

import numpy as np
import pytest

from lipsync.faces.crop import Pose, crop_face, crop_matrix
from lipsync.training.augment import cut, framing, light, mask_bands, vary_mel
from lipsync.training.data import MARGIN, STORED


def test_plain_framing_is_the_crop_of_use():
    y, x = np.mgrid[:300, :300]
    image = np.stack([x * 0.8, y * 0.8, (x + y) * 0.4], -1).astype(np.uint8)
    pose = Pose(np.array([150.0, 140.0]), np.array(120.0), np.array(0.1))
    stored = crop_face(image, crop_matrix(pose, STORED, MARGIN), STORED)
    matrix, mirrored = framing(STORED, 96, MARGIN, None)
    used = crop_face(image, crop_matrix(pose, 96), 96)
    assert not mirrored
    assert np.abs(cut(stored[None], matrix, 96)[0].astype(int) - used).max() <= 2


@pytest.mark.parametrize("seed", range(12))
def test_points_follow_the_picture(seed):
    matrix, mirrored = framing(STORED, 96, MARGIN, np.random.default_rng(seed))
    picture = np.zeros((1, STORED, STORED, 3), np.uint8)
    picture[0, 70:77, 40:47] = 255  # centre (43, 73)
    drawn = cut(picture, matrix, 96)[0, ..., 0].astype(float)
    y, x = np.mgrid[:96, :96]
    found = np.array([(drawn * x).sum(), (drawn * y).sum()]) / drawn.sum()
    np.testing.assert_allclose(found, matrix[:, :2] @ (43, 73) + matrix[:, 2], atol=0.15)
    assert mirrored == (np.linalg.det(matrix[:, :2]) < 0)
    assert (found[0] > 48) == mirrored  # a point on the left goes right only in a mirror


def test_both_kinds_of_framing_come_up():
    seen = {framing(STORED, 96, MARGIN, np.random.default_rng(seed))[1] for seed in range(12)}
    assert seen == {True, False}


def test_varied_mel_keeps_range_and_tells_the_same():
    mel = np.random.default_rng(0).uniform(-3, 3, (80, 50)).astype(np.float32)
    mel = np.cumsum(mel, axis=0) / np.arange(1, 81)[:, None]
    mel[:, 20:30] = -4  # a pause
    for seed in range(10):
        varied = vary_mel(mel, np.random.default_rng(seed))
        assert varied.shape == mel.shape
        assert varied.min() >= -4
        assert varied.max() <= 4
        assert varied[:, 20:30].mean() < np.delete(varied, np.s_[20:30], axis=1).mean()
        assert np.abs(varied - mel).max() > 0.05


def test_masked_band_is_one_block_and_the_input_stays():
    windows = np.ones((3, 1, 119, 16), np.float32)
    widths = set()
    for seed in range(20):
        masked = mask_bands(windows, np.random.default_rng(seed))
        rows = np.flatnonzero((masked == 0).all(axis=(0, 1, 3)))
        assert len(rows) == 0 or rows[-1] - rows[0] == len(rows) - 1
        assert (masked == 0).sum() == len(rows) * 3 * 16
        widths.add(len(rows))
    assert (windows == 1).all()
    assert 0 in widths
    assert len(widths) > 3


def test_light_is_a_monotonous_curve():
    for seed in range(5):
        table = light(np.random.default_rng(seed))
        assert table.shape == (256, 3)
        assert (np.diff(table.astype(int), axis=0) >= 0).all()
