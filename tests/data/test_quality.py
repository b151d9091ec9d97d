"""What is fit for training: sharpness, head turns, sound."""

import cv2
import numpy as np
import pytest

from lipsync.data.preparation.limits import Limits
from lipsync.data.preparation.quality import sharpness, sound_fault, yaw
from lipsync.faces.tracking.crop import crop_face, crop_matrix, pose_from_points
from lipsync.faces.tracking.landmarks import Landmarker, five_points
from lipsync.media import read_audio, read_frames

LIMITS = Limits()


@pytest.fixture(scope="module")
def real(shared):
    """(3, 128, 128, 3) crops and (3, 478, 2) landmarks of a real person."""
    find = Landmarker(shared / "weights" / "face_landmarker.task")
    crops, points = [], []
    for frame in read_frames(shared / "data" / "train" / "id001_clip01.mp4", max_frames=3):
        found = find(frame.image)
        assert found is not None
        pose = pose_from_points(five_points(found.points))
        crops.append(crop_face(frame.image, crop_matrix(pose, 128, 1.25), 128))
        points.append(found.points)
    find.close()
    return np.stack(crops), np.stack(points)


def test_a_real_face_is_sharp_and_a_blurred_one_is_not(real):
    crops, _ = real
    assert sharpness(crops) > 2 * LIMITS.min_sharpness
    blurred = np.stack([cv2.GaussianBlur(crop, (0, 0), 2.5) for crop in crops])
    assert sharpness(blurred) < LIMITS.min_sharpness
    darker = (crops * 0.5).astype(np.uint8)
    assert sharpness(darker) == pytest.approx(sharpness(crops), rel=0.1)  # light does not matter


def test_yaw_changes_sign_in_a_mirror(real):
    _, points = real
    assert np.abs(yaw(points)).max() < 20
    mirrored = points * (-1, 1) + (256, 0)
    # A mirror swaps left and right; the five points are ordered by the picture.
    swapped = mirrored.copy()
    swapped[:, [33, 133, 362, 263]] = mirrored[:, [263, 362, 133, 33]]
    np.testing.assert_allclose(yaw(swapped), -yaw(points), atol=1e-3)


@pytest.mark.parametrize("degrees", [-40, -20, 0, 20, 40])
def test_yaw_of_a_model_head(degrees):
    """Eyes 63 mm apart, the tip of the nose 0.7 of that before them, turned and seen from afar."""
    head = np.zeros((478, 3))
    head[[33, 133]], head[[362, 263]] = (-31.5, 0, 0), (31.5, 0, 0)
    head[1] = (0, 35, 44.1)
    a = np.radians(degrees)
    turned = head @ np.array([[np.cos(a), 0, -np.sin(a)], [0, 1, 0], [np.sin(a), 0, np.cos(a)]])
    assert yaw(turned[:, :2]) == pytest.approx(degrees, abs=0.1)
    # A tilt of the head is no turn.
    if degrees == 0:
        rolled = turned[:, :2] @ np.array([[0.9, 0.436], [-0.436, 0.9]])
        assert yaw(rolled) == pytest.approx(0, abs=0.1)


def test_speech_passes_and_silence_and_hum_do_not(shared):
    speech = read_audio(shared / "data" / "train" / "id001_clip01.mp4")
    assert sound_fault(speech, LIMITS) is None
    assert sound_fault(speech * 0.001, LIMITS) == "no speech: silent"
    hum = 0.1 * np.sin(2 * np.pi * 100 * np.arange(32_000) / 16_000).astype(np.float32)
    assert sound_fault(hum, LIMITS) == "no speech: a steady sound"
    noise = 0.1 * np.random.default_rng(0).standard_normal(32_000).astype(np.float32)
    assert sound_fault(noise, LIMITS) == "no speech: a steady sound"
    assert sound_fault(np.zeros(0, np.float32), LIMITS) == "no speech: silent"
