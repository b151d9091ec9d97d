"""Film without colours gets none, film with colours keeps them bit by bit."""

import cv2
import numpy as np
import pytest
from skimage.data import astronaut

from lipsync.faces import blend
from lipsync.faces.blend import paste
from lipsync.faces.tint import tint
from lipsync.faces.tracking.crop import crop_face, crop_matrix, pose_from_points

SIZE = 96
POSE = pose_from_points(np.array([(204, 101), (246, 103), (226, 127), (204, 141), (246, 142)], float))
GREY = cv2.cvtColor(astronaut(), cv2.COLOR_RGB2GRAY)
SEPIA = np.array([1.07, 0.95, 0.75])


def sepia(grey: np.ndarray) -> np.ndarray:
    return np.clip(grey[..., None] * SEPIA, 0, 255).round().astype(np.uint8)


def drawn(image: np.ndarray, teeth: tuple[int, int, int] = (90, 230, 220)) -> np.ndarray:
    """A crop with red lips and teal teeth on the frame's own skin."""
    face = crop_face(image, crop_matrix(POSE, SIZE), SIZE)
    centre = (SIZE // 2, round(0.7 * SIZE))
    cv2.ellipse(face, centre, (14, 9), 0, 0, 360, (200, 40, 60), -1)
    cv2.ellipse(face, centre, (9, 4), 0, 0, 360, teeth, -1)
    return face


@pytest.mark.parametrize("sharpen", [0.0, 1.0])
def test_no_pixel_of_a_grey_frame_gets_a_colour(sharpen: float) -> None:
    image = np.repeat(GREY[..., None], 3, 2)
    result = paste(image, drawn(image), POSE, sharpen=sharpen)
    assert (result != image).any()
    assert np.ptp(result, axis=2).max() == 0


def test_a_grey_mouth_keeps_its_shades() -> None:
    image = np.repeat(GREY[..., None], 3, 2)
    face = np.repeat(cv2.cvtColor(drawn(image), cv2.COLOR_RGB2GRAY)[..., None], 3, 2)
    coloured, grey = (paste(image, crop, POSE).astype(int) for crop in (drawn(image), face))
    assert np.abs(coloured - grey).max() <= 6  # colours are matched before they are taken out


@pytest.mark.parametrize("gains", [SEPIA, (0.8, 0.95, 1.15)])
def test_one_tint_stays_one_tint(gains: np.ndarray) -> None:
    image = np.clip(GREY[..., None] * np.asarray(gains), 0, 255).round().astype(np.uint8)
    result = paste(image, drawn(image), POSE)
    touched = (result != image).any(2)
    assert touched.sum() > 200
    gains = np.asarray(gains)
    result = result[touched].astype(float)
    expected = (result @ [0.299, 0.587, 0.114] / (gains @ [0.299, 0.587, 0.114]))[:, None] * gains
    assert np.abs(result - expected)[expected.max(1) < 235].max() < 8  # brighter ones are cut off at white


def test_a_coloured_frame_is_what_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    image = astronaut()
    result = paste(image, drawn(image), POSE)
    monkeypatch.setattr(blend, "tint", lambda crop: None)
    assert np.array_equal(result, paste(image, drawn(image), POSE))
    assert np.ptp(result[POSE.centre[1].astype(int) + 24 :], axis=2).max() > 60


def test_a_tint_is_found_in_coarsely_coded_pictures_and_not_in_colours() -> None:
    decoded = cv2.imdecode(cv2.imencode(".jpg", sepia(GREY)[..., ::-1])[1], cv2.IMREAD_COLOR)
    assert decoded is not None
    coded = decoded[..., ::-1]
    crops = [crop_face(np.ascontiguousarray(x), crop_matrix(POSE, SIZE), SIZE) for x in (coded, astronaut())]
    found = tint(crops[0])
    assert found is not None
    assert np.abs(found - np.arange(256)[:, None] * SEPIA / (SEPIA @ [0.299, 0.587, 0.114]))[60:200].max() < 4
    assert tint(crops[1]) is None
