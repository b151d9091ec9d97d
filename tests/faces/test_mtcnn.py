"""The face detector against facenet-pytorch, whose weights it has."""

import numpy as np
import pytest
import torch

from lipsync.assets import asset
from lipsync.faces.tracking.mtcnn import MTCNN
from lipsync.media.photo import read_photo, reduced


@pytest.fixture(scope="module")
def theirs():
    from lipsync.compat import ensure_torchvision

    ensure_torchvision()
    import facenet_pytorch

    return facenet_pytorch.MTCNN(keep_all=True, post_process=False).eval()


def pictures() -> dict[str, np.ndarray]:
    face = reduced(read_photo(asset("examples", "portrait.jpg")), 320)
    noise = np.random.default_rng(0).integers(0, 255, (90, 120, 3), np.uint8)
    return {
        "one face": face,
        "two faces": np.concatenate([face, face[:, ::-1]], 1),
        "a face cut off": np.ascontiguousarray(face[: len(face) // 2, 60:]),
        "noise": noise,
        "black": np.zeros((40, 30, 3), np.uint8),
    }


@pytest.mark.parametrize("smallest", [24, 30])
@pytest.mark.parametrize("name", pictures())
def test_finds_what_facenet_pytorch_finds(theirs, name, smallest):
    picture = pictures()[name]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        theirs.min_face_size = smallest
        boxes, scores, points = theirs.detect(picture, landmarks=True)
        found = MTCNN()(picture, smallest)
    finally:
        torch.set_num_threads(threads)
    if boxes is None:
        assert [len(part) for part in found] == [0, 0, 0]
        return
    order, own = np.argsort(scores.astype(float)), np.argsort(found.scores)
    np.testing.assert_array_equal(found.boxes[own], boxes[order].astype(np.float32))
    np.testing.assert_array_equal(found.scores[own], scores[order].astype(np.float32))
    np.testing.assert_array_equal(found.points[own], points[order].astype(np.float32))
    assert len(boxes) == (2 if name == "two faces" else 1)


def test_a_picture_as_small_as_the_smallest_face_is_looked_at_once():
    # 12 / 47 * 47 is a little less than 12.
    assert not len(MTCNN()(np.zeros((47, 47, 3), np.uint8), 47).boxes)
