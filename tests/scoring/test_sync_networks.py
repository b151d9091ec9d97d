import numpy as np
import pytest
import torch

from eval.scoring.sync_networks import OwnSyncExpert, SyncNetV2, face_box, syncnet_crop
from lipsync.audio.features import AudioFeatures
from lipsync.experts.sync_expert import SyncExpert, SyncExpertConfig
from lipsync.experts.syncnet import SyncNet
from lipsync.faces.tracking.crop import pose_from_points
from lipsync.faces.tracking.detect import FaceDetector
from lipsync.media import read_audio, read_frames


@pytest.fixture(scope="module", params=["syncnet", "mel", "mfcc", "mel+mfcc"])
def sync_network(request):
    torch.manual_seed(0)
    if request.param == "syncnet":
        return SyncNetV2(SyncNet().eval(), "0" * 64)
    config = SyncExpertConfig(AudioFeatures(request.param, start=-2), width=0.1)
    return OwnSyncExpert(SyncExpert(config), "0" * 64)


@pytest.fixture(scope="module")
def speech(shared):
    samples = read_audio(shared / "data" / "train" / "id003_clip02.mp4")
    return np.round(samples * 32767).astype(np.int16)


def test_sound_in_pieces_equals_the_whole(sync_network, speech):
    frames = min(70, len(speech) // 640 - 5)
    whole = sync_network.embed_audio(speech, 0, frames)
    for first, count in ((0, 7), (7, 32), (39, frames - 39)):
        part = sync_network.embed_audio(speech, first, count)
        scale = np.abs(whole).max()
        np.testing.assert_allclose(part / scale, whole[first : first + count] / scale, atol=2e-5)


def test_video_windows_are_five_frames_in_order(sync_network):
    size = sync_network.cut(np.zeros((50, 60, 3), np.uint8), None, []).shape[0]
    crops = np.random.default_rng(0).integers(0, 255, (7, size, size, 3), dtype=np.uint8)
    whole = sync_network.embed_video(crops)
    assert len(whole) == 3
    for t in range(3):
        np.testing.assert_allclose(
            sync_network.embed_video(crops[t : t + 5])[0], whole[t], rtol=1e-3, atol=1e-5
        )
    assert np.abs(sync_network.embed_video(crops[4::-1].copy())[0] - whole[0]).max() > 1e-6  # order matters


@pytest.mark.parametrize("place", [(50, 40, 20), (3, 5, 30), (95, 75, 25), (-40, 10, 20)])
def test_crop_is_that_of_the_reference_with_grey_around_the_picture(place):
    x, y, half = place
    image = np.random.default_rng(0).integers(0, 255, (80, 100, 3), dtype=np.uint8)
    pad = 200
    padded = np.pad(image, ((pad, pad), (pad, pad), (0, 0)), constant_values=110)
    rows = slice(pad + round(y - half), pad + round(y + 1.8 * half))
    columns = slice(pad + round(x - 1.4 * half), pad + round(x + 1.4 * half))
    np.testing.assert_array_equal(syncnet_crop(image, x, y, half), padded[rows, columns])


def test_face_box_is_about_what_a_detector_draws(shared):
    detector = FaceDetector()
    ratios = []
    for name in ("id003_clip01", "id018_clip01", "id077_clip01"):
        frame = next(iter(read_frames(shared / "data" / "train" / f"{name}.mp4")))
        face = max(detector(frame.image), key=lambda found: found.area)
        x, y, half = face_box(pose_from_points(face.points))
        x0, y0, x1, y1 = face.box
        real_half = max(x1 - x0, y1 - y0) / 2
        ratios.append(half / real_half)
        assert abs(x - (x0 + x1) / 2) < 0.2 * real_half
        assert abs(y - (y0 + y1) / 2) < 0.2 * real_half
    assert np.mean(ratios) == pytest.approx(1, abs=0.12)
