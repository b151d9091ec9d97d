"""The mouth comes back without a seam, and nothing else is touched."""

import cv2
import numpy as np
import pytest

from lipsync.faces.blend import mouth_mask, paste, sharpened
from lipsync.faces.tracking.crop import Pose, crop_face, crop_matrix, pose_from_points
from lipsync.faces.tracking.landmarks import Landmarker, five_points

SIZE = 96


@pytest.fixture(scope="module")
def portrait():
    """A public-domain photo that comes with scikit-image, and the pose of its face."""
    from skimage.data import astronaut

    image = astronaut()
    points = np.array([(204, 101), (246, 103), (226, 127), (204, 141), (246, 142)], float)
    return image, pose_from_points(points)


@pytest.fixture(scope="module")
def with_landmarks(portrait, shared):
    image, pose = portrait
    landmarker = Landmarker(shared / "weights/face_landmarker.task")
    matrix = crop_matrix(pose, 256, 1.6)
    found = landmarker(crop_face(image, matrix, 256))
    landmarker.close()
    inverse = cv2.invertAffineTransform(matrix)
    points = found.points @ inverse[:, :2].T + inverse[:, 2]
    return image, pose_from_points(five_points(points)), points


def cut(image: np.ndarray, pose: Pose, size: int = SIZE) -> np.ndarray:
    return crop_face(image, crop_matrix(pose, size), size)


def reach(image: np.ndarray, pose: Pose, landmarks=None) -> np.ndarray:
    """Where a crop with other grain changes the frame at all, found without knowing the mask."""
    rng = np.random.default_rng(0)
    face = cut(image, pose).astype(int)
    grains = [rng.integers(-25, 26, face.shape) for _ in range(4)]
    crops = [np.clip(face + grain, 0, 255).astype(np.uint8) for grain in grains]
    return np.any([paste(image, crop, pose, landmarks) != image for crop in crops], axis=(0, 3))


def test_own_crop_changes_next_to_nothing(portrait):
    image, pose = portrait
    before = image.copy()
    result = paste(image, cut(image, pose), pose)
    touched = reach(image, pose)
    assert np.array_equal(image, before)  # the frame given in stays as it is
    assert touched.sum() > 500
    assert np.abs(result.astype(int) - image)[touched].mean() < 2


def test_pixels_away_from_the_mouth_stay_bit_identical(portrait):
    image, pose = portrait
    touched = reach(image, pose)
    rows, columns = np.nonzero(touched)
    centre, side = pose.centre, float(pose.side)
    assert rows.min() > centre[1] - 0.25 * side  # eyes and brows are the frame's own
    assert rows.max() < centre[1] + 0.5 * side
    assert columns.min() > centre[0] - 0.5 * side
    assert columns.max() < centre[0] + 0.5 * side


def test_tint_of_the_crop_leaves_no_step(portrait):
    image, pose = portrait
    tinted = np.clip(cut(image, pose) + np.array([18, -12, 9]), 0, 255).astype(np.uint8)
    result = paste(image, tinted, pose)
    touched = reach(image, pose)
    assert np.abs(result.astype(int) - image)[touched].mean() < 2.5  # the tint is 13 on average


def test_another_mouth_does_arrive(portrait):
    image, pose = portrait
    face = cut(image, pose)
    # A dark mouth where the mouth is: 1.15 of 2.8 sides below the eyes.
    cv2.ellipse(face, (SIZE // 2, round(0.68 * SIZE)), (12, 6), 0, 0, 360, (40, 10, 10), -1)
    result = cut(paste(image, face, pose), pose)
    middle = result[round(0.68 * SIZE), SIZE // 2].astype(int)
    assert np.abs(middle - (40, 10, 10)).max() < 15


@pytest.mark.parametrize("landmarks", [False, True])
@pytest.mark.parametrize("size", [96, 256])
def test_mask_has_no_hard_edge_and_is_zero_at_the_border(request, landmarks, size):
    points = None
    if landmarks:
        _, pose, found = request.getfixturevalue("with_landmarks")
        matrix = crop_matrix(pose, size)
        points = found @ matrix[:, :2].T + matrix[:, 2]
    mask = mouth_mask(size, points)
    steps = max(np.abs(np.diff(mask, axis=axis)).max() for axis in (0, 1))
    assert steps < 20 / size  # from 0 to 1 over at least a twentieth of the crop
    assert not mask[[0, -1]].any()
    assert not mask[:, [0, -1]].any()
    assert mask[round(0.68 * size), size // 2] > 0.95  # the mouth
    assert mask[round(0.27 * size)].max() == 0  # the eyes


def test_mask_follows_the_jaw(with_landmarks):
    _, pose, points = with_landmarks
    matrix = crop_matrix(pose, SIZE)
    there = points @ matrix[:, :2].T + matrix[:, 2]
    higher = there.copy()
    higher[:, 1] -= np.clip(there[:, 1] - there[[61, 291], 1].mean(), 0, None) * 0.3  # the mouth shuts
    lower_end = [np.flatnonzero(mouth_mask(SIZE, jaw)[:, SIZE // 2] > 0.5).max() for jaw in (there, higher)]
    chin = there[152, 1], higher[152, 1]
    assert lower_end[0] - lower_end[1] > 0.5 * (chin[0] - chin[1])
    assert lower_end[1] > chin[1]  # the whole chin is covered


def test_rows_that_were_not_drawn_leave_no_line():
    """A crop whose upper part is the frame's own and the rest brighter, its border inside the mask."""
    image = np.full((300, 300, 3), 120, np.uint8)
    pose = Pose(np.array([150.0, 150.0]), np.float64(200), np.float64(0))
    first = round(0.66 * SIZE)
    face = np.full((SIZE, SIZE, 3), 120, np.uint8)
    face[first:] = 140

    def line(picture):
        return np.abs(np.diff(picture[..., 0].astype(int), axis=0)).max()

    assert line(paste(image, face, pose)) > 4  # where nobody says so
    assert line(paste(image, face, pose, top=first / SIZE)) <= 2


def test_mask_begins_below_the_rows_that_were_not_drawn():
    whole, lower = mouth_mask(SIZE), mouth_mask(SIZE, top=0.65)
    first = round(0.65 * SIZE)
    assert not lower[:first].any()
    assert np.abs(np.diff(lower, axis=0)).max() < 1 / 3  # over three pixels or more
    below = first + round(0.08 * SIZE)
    assert np.array_equal(lower[below:], whole[below:])


def test_colour_that_differs_from_place_to_place_leaves_no_step():
    """Light from the left in the frame and from the right in what was drawn: each side of the edge fits."""
    image = np.full((300, 300, 3), 120, np.uint8)
    pose = Pose(np.array([150.0, 150.0]), np.float64(200), np.float64(0))
    tilt = np.linspace(-30, 30, SIZE)[None, :, None]
    face = (120 + np.broadcast_to(tilt, (SIZE, SIZE, 3))).round().astype(np.uint8)
    result = paste(image, face, pose).astype(float)
    # The tilt is 17 grey levels where the mask ends on either side.
    assert np.abs(np.diff(result[..., 0], axis=1)).max() < 1.2
    assert np.abs(result - 120)[205, :120].max() < 6


def test_a_mouth_on_plain_skin_gets_no_outline():
    """What stays of the frame's texture ends somewhere: that is not to be seen."""
    image = np.full((300, 300, 3), 200, np.uint8)
    pose = Pose(np.array([150.0, 150.0]), np.float64(200), np.float64(0))
    face = np.full((SIZE, SIZE, 3), 200, np.uint8)
    cv2.ellipse(face, (SIZE // 2, round(0.74 * SIZE)), (6, 3), 0, 0, 360, (120, 60, 60), -1)
    face = cv2.GaussianBlur(face, (0, 0), 2)
    result = paste(image, face, pose).astype(int)
    # Beside it the skin changes one way only, from the frame's to what was drawn.
    assert result.max() <= 204
    row = result[round(150 + 0.24 * 200), :, 1]
    left = row[:120]
    assert np.ptp(left) <= 3


@pytest.mark.parametrize("angle", [0.0, 0.7, 3.1, -1.6])
def test_works_at_any_angle(portrait, angle):
    """Pasting into a turned picture is pasting and then turning it."""
    image, pose = portrait
    centre = tuple(float(v) for v in pose.centre)
    turn = cv2.getRotationMatrix2D(centre, -np.degrees(angle), 1.0)
    turned = cv2.warpAffine(image, turn, image.shape[1::-1], flags=cv2.INTER_CUBIC)
    turned_pose = Pose(pose.centre, pose.side, pose.angle + angle)
    face = 255 - cut(image, pose)
    upright = cut(paste(image, face, pose), pose).astype(int)
    result = cut(paste(turned, face, turned_pose), turned_pose).astype(int)
    assert np.abs(upright - result).mean() < 3
    assert np.abs(upright - cut(image, pose)).mean() > 5  # there was something to see


@pytest.mark.parametrize("place", [(0, 0), (511, 300), (-90, 200), (200, 560), (5000, 5000)])
def test_works_at_and_beyond_the_border(portrait, place):
    image, pose = portrait
    there = Pose(np.array(place, float), pose.side, pose.angle)
    result = paste(image, np.full((SIZE, SIZE, 3), 200, np.uint8), there)
    assert result.shape == image.shape
    far = np.hypot(*np.meshgrid(np.arange(512) - place[0], np.arange(512) - place[1])) > float(pose.side)
    assert np.array_equal(result[far], image[far])


def test_crop_finer_than_the_picture_does_not_alias(portrait):
    image, pose = portrait
    small = Pose(pose.centre, np.float64(30.0), pose.angle)
    checks = np.indices((256, 256)).sum(0) % 2 * 255  # finest possible checkerboard: grey from afar
    result = paste(image, np.repeat(checks[..., None].astype(np.uint8), 3, 2), small)
    touched = (result != image).any(2)
    assert result[touched].astype(float).std() < image[touched].astype(float).std() + 15


def test_tiny_picture():
    image = np.full((20, 20, 3), 90, np.uint8)
    result = paste(image, image[:10, :10], Pose(np.array([10.0, 10.0]), np.float64(12), np.float64(0)))
    assert np.abs(result.astype(int) - 90).max() <= 1


def grain(size: int = 120) -> np.ndarray:
    """(S, S, 3) float32 skin-like noise, the same in all colours."""
    noise = np.random.default_rng(0).normal(0, 6, (size, size, 1)).astype(np.float32)
    return np.repeat(cv2.GaussianBlur(noise, (0, 0), 0.7)[..., None], 3, axis=2)


def test_half_the_detail_is_doubled_and_enough_is_left_alone():
    there, mask = 120 + grain(), mouth_mask(120)
    drawn = 120 + grain() / 2
    detail = drawn - cv2.GaussianBlur(drawn, (0, 0), 0.012 * 120)  # the gain is 2: once more its own detail
    np.testing.assert_allclose(sharpened(drawn, there, mask, 120, 1.0), drawn + detail, atol=1e-3)
    np.testing.assert_allclose(sharpened(drawn, there, mask, 120, 0.4), drawn + 0.4 * detail, atol=1e-3)
    np.testing.assert_array_equal(sharpened(there, there, mask, 120, 1.0), there)
    np.testing.assert_array_equal(sharpened(there, drawn, mask, 120, 1.0), there)  # never softer
    flat = np.full_like(there, 120)
    # Where nothing was drawn there is nothing to bring out.
    np.testing.assert_allclose(sharpened(flat, there, mask, 120, 1.0), flat, atol=1e-3)


def test_a_soft_mouth_comes_closer_to_the_real_one(portrait):
    image, pose = portrait
    soft = cv2.GaussianBlur(cut(image, pose), (0, 0), 1.0)
    touched = reach(image, pose)
    off = [
        np.abs(paste(image, soft, pose, sharpen=strength).astype(float) - image)[touched].mean()
        for strength in (0.0, 0.5, 1.0)
    ]
    assert off[0] > 1.03 * off[1] > 1.03 * off[2]
    before = paste(image, soft, pose)
    after = paste(image, soft, pose, sharpen=1.0)
    around = cv2.dilate(touched.astype(np.uint8), np.ones((5, 5))) == 0
    assert np.array_equal(before[around], after[around])


def test_what_is_drawn_beyond_the_jaw_beside_the_mouth_does_not_show(with_landmarks):
    image, pose, points = with_landmarks
    matrix = crop_matrix(pose, SIZE)
    there = points @ matrix[:, :2].T + matrix[:, 2]
    # A crop that has lost the jaw: white from its line outwards, at the height of the mouth.
    face = crop_face(image, matrix, SIZE)
    row = round(float(there[[61, 291], 1].mean()))
    left, right = (int(there[list(side), 0].mean()) for side in ((58, 172), (288, 397)))
    face[row - 3 : row + 4, :left] = face[row - 3 : row + 4, right + 1 :] = 255
    result = crop_face(paste(image, face, pose, points), matrix, SIZE).astype(int)
    before = crop_face(image, matrix, SIZE).astype(int)
    beyond = np.r_[left - 5 : left - 1, right + 2 : right + 6]
    assert np.abs(result - before)[row, beyond].mean() < 8  # of up to 200 that were drawn
    assert np.abs(face.astype(int) - before)[row, beyond].mean() > 50
