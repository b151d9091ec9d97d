import cv2
import numpy as np
import pytest
import skimage.data
import torch

from eval.functional.face.csim import csim, csim_compute, csim_update
from eval.scoring.face_encoders import load_facenet
from lipsync.compat import ensure_torchvision
from lipsync.errors import ArtefactError
from lipsync.faces.recognise import load_sface
from lipsync.faces.sface import upright
from tests.functional.conftest import read_frames


def test_equals_torch():
    rng = np.random.default_rng(0)
    a, b = rng.normal(0, 3, (6, 128)).astype(np.float32), rng.normal(1, 1, (6, 128)).astype(np.float32)
    expected = torch.nn.functional.cosine_similarity(torch.tensor(a), torch.tensor(b)).numpy()
    np.testing.assert_allclose(csim_update(a, b), expected, atol=1e-6)
    to_first = torch.nn.functional.cosine_similarity(torch.tensor(a), torch.tensor(b[:1])).numpy()
    np.testing.assert_allclose(csim_update(a, b[0]), to_first, atol=1e-6)
    assert csim(a, b) == pytest.approx(expected.mean(), abs=1e-6)


def test_frames_without_a_face_are_left_out_and_counted():
    a = np.array([[1.0, 0.0], [np.nan, np.nan], [0.0, 1.0]])
    score = csim_compute(csim_update(a, np.array([1.0, 0.0])))
    assert (score.value, score.frames, score.skipped) == (0.5, 2, 1)


def test_refuses_what_has_no_cosine():
    with pytest.raises(ValueError, match="all zeros"):
        csim(np.zeros((1, 4)), np.ones((1, 4)))
    with pytest.raises(ValueError, match="do not fit"):
        csim(np.ones((2, 4)), np.ones((3, 4)))


class Faces:
    """Pictures with five points, found by OpenCV's own detector."""

    def __init__(self, model: str):
        self._detector = cv2.FaceDetectorYN.create(model, "", (256, 256))

    def row(self, picture: np.ndarray) -> np.ndarray:
        """(15,) box, points and score of the best face, as OpenCV passes it from detector to recogniser."""
        self._detector.setInputSize(picture.shape[1::-1])
        return self._detector.detect(np.ascontiguousarray(picture[..., ::-1]))[1][0]

    def five(self, picture: np.ndarray) -> np.ndarray:
        return self.row(picture)[4:14].reshape(5, 2)


@pytest.fixture(scope="module")
def faces(shared) -> Faces:
    return Faces(str(shared / "weights/face_detection_yunet_2023mar_int8bq.onnx"))


@pytest.fixture(scope="module")
def sface(shared):
    return load_sface(shared / "weights/face_recognition_sface_2021dec_int8bq.onnx")


def test_sface_is_fed_as_opencv_feeds_it(sface, faces, shared):
    picture = skimage.data.astronaut()
    model = str(shared / "weights/face_recognition_sface_2021dec_int8bq.onnx")
    recogniser = cv2.FaceRecognizerSF.create(model, "")
    bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    expected = recogniser.feature(recogniser.alignCrop(bgr, faces.row(picture)[None]))
    np.testing.assert_allclose(sface(picture[None], faces.five(picture)[None]), expected, atol=1e-5)


def test_sface_equals_opencvs_own_on_real_faces_turned_and_of_any_size(sface, faces, shared):
    recogniser = cv2.FaceRecognizerSF.create(
        str(shared / "weights/face_recognition_sface_2021dec_int8bq.onnx"), ""
    )
    ours, theirs = [], []
    for clip in ("id003_clip04", "id077_clip01", "id018_clip02"):
        frame = read_frames(shared / f"data/train/{clip}.mp4", 1)[0]
        five = faces.five(frame)
        for angle, scale in ((0, 1.0), (20, 0.8), (-35, 1.7)):
            matrix = cv2.getRotationMatrix2D((128, 128), angle, scale)
            picture = cv2.warpAffine(frame, matrix, (320, 288))
            points = cv2.transform(five[None], matrix)
            row = np.concatenate([np.zeros(4), points.ravel(), np.ones(1)]).astype(np.float32)[None]
            aligned = recogniser.alignCrop(np.ascontiguousarray(picture[..., ::-1]), row)
            assert np.abs(upright(picture, points[0]) - aligned[..., ::-1].astype(int)).max() <= 2
            theirs.append(recogniser.feature(aligned)[0].copy())
            ours.append(sface(picture[None], points)[0])
    np.testing.assert_allclose(csim_update(np.array(ours), np.array(theirs)), 1, atol=1e-6)
    assert csim_update(np.array(ours[:1]), np.array(theirs[3:4])) < 0.9  # of another person


def test_sface_tells_people_apart(sface, faces, shared):
    pictures = [
        read_frames(shared / f"data/train/{clip}.mp4", 1, start)[0]
        for clip, start in (("id003_clip04", 0), ("id003_clip04", 100), ("id077_clip01", 0))
    ]
    embeddings = sface(np.stack(pictures), np.stack([faces.five(picture) for picture in pictures]))
    same, other = csim_update(embeddings[1:], embeddings[0])
    # OpenCV's documentation puts the threshold for one person at 0.363.
    assert same > 0.7
    assert other < 0.363


def test_sface_sees_the_face_upright_whatever_the_picture(sface, faces):
    picture = skimage.data.astronaut()
    points = faces.five(picture)
    matrix = cv2.getRotationMatrix2D((220, 120), 25, 0.9)
    turned = cv2.warpAffine(picture, matrix, (512, 512))
    straight = sface(picture[None], points[None])
    followed = sface(turned[None], cv2.transform(points[None], matrix))
    ignored = sface(turned[None], points[None])
    assert csim(followed, straight) > 0.85  # an 8-bit network: the same picture resampled is not quite 1
    assert csim(ignored, straight) < 0.7


def test_encoders_take_no_pictures(sface):
    assert sface(np.zeros((0, 256, 256, 3), np.uint8), np.zeros((0, 5, 2))).shape == (0, 128)


@pytest.fixture(scope="module")
def facenet_file(tmp_path_factory):
    """A checkpoint with the keys and shapes of the published one, classifier included, random inside."""
    ensure_torchvision()
    from facenet_pytorch import InceptionResnetV1

    torch.manual_seed(0)
    network = InceptionResnetV1(pretrained=None, classify=True, num_classes=10)
    path = tmp_path_factory.mktemp("facenet") / "20180402-114759-vggface2.pt"
    torch.save(network.state_dict(), path)
    return path, network


def test_facenet_sees_what_its_package_feeds_it(facenet_file, astronaut):
    path, network = facenet_file
    from facenet_pytorch import fixed_image_standardization

    pictures = np.stack([astronaut, astronaut[:, ::-1]])
    small = np.stack([cv2.resize(p, (160, 160), interpolation=cv2.INTER_AREA) for p in pictures])
    network.classify = False
    with torch.inference_mode():
        expected = network.eval()(
            fixed_image_standardization(torch.tensor(small).permute(0, 3, 1, 2).float())
        )
    embeddings = load_facenet(path)(pictures, np.zeros((2, 5, 2)))
    assert embeddings.shape == (2, 512)
    np.testing.assert_allclose(embeddings, expected.numpy(), atol=1e-5)
    assert np.abs(embeddings[0] - embeddings[1]).max() > 1e-4


def test_files_that_are_no_encoder_are_said_so(tmp_path):
    file = tmp_path / "weights.pt"
    torch.save({"some": torch.zeros(1)}, file)
    with pytest.raises(ArtefactError, match="does not hold FaceNet's weights"):
        load_facenet(file)
    file.write_bytes(b"nothing")
    with pytest.raises(ArtefactError, match=str(file)):
        load_facenet(file)
    with pytest.raises(ArtefactError, match="cannot read the face encoder"):
        load_sface(file)
