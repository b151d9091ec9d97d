"""Published checkpoints see the box they were trained on, and the frame itself as their reference."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from lipsync.assets import asset
from lipsync.faces.tracking.crop import Pose, crop_face, crop_matrix
from lipsync.generate import Request, generate
from lipsync.methods import METHODS, load_method
from lipsync.methods.base import Batch
from lipsync.methods.wav2lip.config import Wav2LipConfig
from lipsync.methods.wav2lip.convert import read_generator
from lipsync.methods.wav2lip.model import Generator
from lipsync.methods.wav2lip.published import S3FD, PublishedWav2Lip
from lipsync.weights import hub
from tests.benchmarks.wav2lip_box import boxes

CARD = METHODS.get("wav2lip").card


class Echo(torch.nn.Module):
    """A generator that draws one half of what it is shown."""

    def __init__(self, channels: slice) -> None:
        super().__init__()
        self.config, self.channels = Wav2LipConfig(framing="s3fd"), channels

    def encode_audio(self, windows):
        return torch.zeros(len(windows), 8, 1, 1)

    def with_audio(self, both, _):
        self.shown = both
        return both

    def draw(self, _, both):
        return both[:, self.channels]


@pytest.fixture
def crop() -> np.ndarray:
    """(1, 162, 162, 3) a smooth picture of a face at (300, 200), side 150, with its margin."""
    y, x = np.mgrid[:420, :600]
    image = np.stack([128 + 90 * np.sin(x / 23), 128 + 90 * np.cos(y / 19), (x + y) / 5], -1).astype(np.uint8)
    pose = Pose(np.array([300.0, 200.0]), np.array(150.0), np.array(0.0))
    size = round(112 * PublishedWav2Lip.crop_margin)
    return crop_face(image, crop_matrix(pose, size, PublishedWav2Lip.crop_margin), size)[None]


def shown(crop: np.ndarray, channels: slice) -> tuple[Echo, np.ndarray]:
    net = Echo(channels)
    method = PublishedWav2Lip(CARD, net, "")
    method.half = False
    speech = method.encode_audio(np.zeros(16000, np.float32))
    other = 255 - crop  # a reference that must not be looked at
    return net, method.synthesize(Batch(crop, np.array([0.5]), speech, other))


def test_the_network_sees_the_box_and_the_frame_as_its_reference(crop):
    net, _ = shown(crop, slice(3, 6))
    masked, reference = (
        half[0].permute(1, 2, 0).numpy() * 255 for half in (net.shown[:, :3], net.shown[:, 3:])
    )
    # Pixel (i, j) of the box on the picture, by hand: 150 pixels a side around (300, 200).
    left, top, right, bottom = S3FD
    i = np.arange(96) + 0.5
    x = 300 + 150 * (left + (right - left) * i / 96)
    y = 200 + 150 * (top + (bottom - top) * i / 96)
    expected = np.stack(
        [
            np.broadcast_to(128 + 90 * np.sin(x / 23), (96, 96)),
            np.broadcast_to((128 + 90 * np.cos(y / 19))[:, None], (96, 96)),
            (x + y[:, None]) / 5,
        ],
        -1,
    )
    assert np.abs(reference - expected)[2:-2, 2:-2].max() < 6
    assert np.array_equal(masked[:48], reference[:48])
    assert not masked[48:].any()


def test_what_is_drawn_comes_back_in_its_place(crop):
    _, faces = shown(crop, slice(3, 6))
    assert faces.shape == (1, 112, 112, 3)
    margin = (crop.shape[1] - 112) // 2  # the crop has as many pixels a side as the square
    own = crop[0, margin : margin + 112, margin : margin + 112].astype(int)
    assert np.abs(faces[0].astype(int) - own).max() < 8
    assert np.abs(faces[0].astype(int) - own).mean() < 1.5
    _, drawn = shown(crop, slice(0, 3))  # the lower half of the box is black
    lower = slice(round((0.5 + (S3FD[1] + S3FD[3]) / 2) * 112) + 2, 110)
    assert drawn[0, lower, 20:-20].max() == 0


def test_only_published_files_are_shown_the_box(tmp_path):
    torch.manual_seed(0)
    net = Generator(Wav2LipConfig())
    path = tmp_path / "mine.pth"
    torch.save({"state_dict": {f"module.{key}": value for key, value in net.state_dict().items()}}, path)
    assert read_generator(path)[0].framing == "s3fd"
    method = load_method(checkpoint=path)
    assert isinstance(method, PublishedWav2Lip)
    assert method.card.name == "mine"
    net.save_pretrained(tmp_path / "own core")
    own = load_method(checkpoint=tmp_path / "own core")
    assert not isinstance(own, PublishedWav2Lip)
    assert own.card.name == "own core"
    assert load_method(checkpoint=tmp_path / "own core" / "model.safetensors").card.name == "own core"


def test_the_result_of_a_core_of_ones_own_bears_its_name(tmp_path):
    from skimage.data import astronaut

    photo = tmp_path / "astronaut.png"
    cv2.imwrite(str(photo), astronaut()[:320, 60:380, ::-1])
    Generator(Wav2LipConfig(width=0.05, framing="s3fd")).save_pretrained(tmp_path / "anna")
    asked = Request(
        photo, asset("examples") / "english.wav", tmp_path / "out.mp4", checkpoint=tmp_path / "anna"
    )
    assert generate(asked).method == "anna"


def test_the_box_is_that_of_the_detector(shared):
    if hub.locate("s3fd") is None or hub.locate("face_landmarker") is None:
        pytest.skip("needs the weights of S3FD: python -m lipsync weights --fetch s3fd")
    clips = [
        shared / "data" / "train" / f"{name}.mp4" for name in ("id001_clip01", "id012_clip01", "id030_clip01")
    ]
    found = np.median(boxes([clip for clip in clips if Path(clip).is_file()]), axis=0)
    assert found == pytest.approx(S3FD, abs=0.07)
