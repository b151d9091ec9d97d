"""Finding faces and choosing one."""

import cv2
import numpy as np
import pytest
from PIL import Image

from lipsync.errors import FaceError
from lipsync.faces import Choice, Face, FaceDetector, faces_in, preview


@pytest.fixture(scope="module")
def detector() -> FaceDetector:
    return FaceDetector()


@pytest.fixture(scope="module")
def astronaut() -> np.ndarray:
    from skimage.data import astronaut

    return astronaut()


EYES = np.array([(203, 101), (246, 103)])  # read off the photo by eye


def box(x: float, y: float, side: float) -> Face:
    return Face(np.array([x, y, x + side, y + side]), np.zeros((5, 2)), 1.0)


@pytest.mark.parametrize(("height", "width"), [(20, 20), (1, 1), (25, 3000), (3000, 25), (64, 64)])
def test_pictures_without_a_face(detector, height, width):
    assert detector(np.full((height, width, 3), 128, np.uint8)) == []


def test_points_lie_on_the_eyes(detector, astronaut):
    (face,) = detector(astronaut)
    assert np.abs(face.points[:2] - EYES).max() < 8
    assert face.score > 0.95
    assert face.box[0] < 203 < 246 < face.box[2]


def test_small_face_in_a_large_picture(detector, astronaut):
    """A face of 60 pixels in 8k, and its place in pixels of the large picture."""
    scene = np.full((2160, 3840, 3), 120, np.uint8)
    small = cv2.resize(astronaut, (310, 310), interpolation=cv2.INTER_AREA)
    scene[1500:1810, 3200:3510] = small
    (face,) = detector(scene)
    assert np.abs(face.points[:2] - (EYES * 310 / 512 + (3200, 1500))).max() < 8


def test_dark_picture(detector, astronaut):
    dark = (astronaut * 0.06).astype(np.uint8)
    faces = detector(dark)
    assert len(faces) == 1
    assert np.abs(faces[0].points[:2] - EYES).max() < 10


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_face_that_lies_is_found_with_its_points_in_order(detector, astronaut, quarters):
    """The eye that is left when the head is upright comes first, so the face can be turned upright."""
    lying = np.ascontiguousarray(np.rot90(astronaut[:400], quarters))
    (face,) = detector(lying)
    height, width = 400, 512
    x, y = EYES.T
    where = {1: (y, width - 1 - x), 2: (width - 1 - x, height - 1 - y), 3: (height - 1 - y, x)}[quarters]
    assert np.abs(face.points[:2] - np.stack(where, 1)).max() < 8
    (x0, y0, x1, y1), middle = face.box, np.mean(where, axis=1)
    assert x0 < middle[0] < x1
    assert y0 < middle[1] < y1


def test_faces_are_ordered_from_left_to_right(detector, astronaut):
    """The mirrored half-size copy stands to the left."""
    half = cv2.resize(astronaut, (256, 256), interpolation=cv2.INTER_AREA)
    scene = np.full((512, 800, 3), 90, np.uint8)
    scene[100:356, 10:266] = half
    scene[:, 288:800] = astronaut
    faces = detector(scene)
    assert len(faces) == 2
    assert faces[0].box[2] < faces[1].box[0]
    assert Choice().pick(faces) is faces[1]
    assert Choice(index=0).pick(faces) is faces[0]
    assert Choice(point=(112, 160)).pick(faces) is faces[0]


def test_choice_that_is_not_there():
    faces = [box(0, 0, 100), box(200, 0, 50)]
    with pytest.raises(FaceError, match=r"shows 2 faces; choose 0…1"):
        Choice(index=2).pick(faces)
    with pytest.raises(FaceError, match=r"shows 1 face; choose 0\."):
        Choice(index=-1).pick(faces[:1])
    with pytest.raises(FaceError, match="no face near"):
        Choice(point=(900, 20)).pick(faces)
    assert Choice(point=(110, 50)).pick(faces) is faces[0]  # just beside a face is meant for it


def test_photo(tmp_path, astronaut, detector):
    path = tmp_path / "photo.png"
    Image.fromarray(astronaut).save(path)
    assert len(faces_in(path, detector)) == 1
    picture, boxes = preview(path, longest=256, detector=detector)
    assert picture.shape == (256, 256, 3)
    plain = cv2.resize(astronaut, (256, 256), interpolation=cv2.INTER_AREA)
    assert boxes == pytest.approx(
        np.stack([face.box for face in faces_in(path, detector)]) * 256 / len(astronaut)
    )
    changed = (picture != plain).any(2)
    assert 0.005 < changed.mean() < 0.2  # the box and its number, not the picture
    Image.fromarray(np.full((80, 80, 3), 99, np.uint8)).save(path)
    with pytest.raises(FaceError, match=r"photo\.png shows no face"):
        faces_in(path, detector)


def test_two_people_side_by_side(shared, detector):
    faces = faces_in(shared / "data/originals/orig02.mp4", detector)
    middles = [float(face.box[[0, 2]].mean()) for face in faces]
    assert len(faces) == 2
    assert 300 < middles[0] < 520 < 780 < middles[1] < 1000


@pytest.mark.parametrize("name", ["orig01.mp4", "orig07.mpg", "orig08.mp4", "orig10.webm", "orig12.mp4"])
def test_uploads_as_people_have_them(shared, detector, name):
    """Portrait, MPEG-1, very dark, a small face far away, a drawn face."""
    assert len(faces_in(shared / "data/originals" / name, detector)) == 1
