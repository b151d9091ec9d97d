import numpy as np
import pytest
import torch

from eval.functional.sync.lse import lse
from eval.scoring.sync import SyncStream, mean_curve, per_frame, read_speech
from eval.scoring.sync_networks import SyncNetV2
from lipsync.experts.syncnet import SyncNet
from lipsync.faces.tracking.crop import Pose
from lipsync.faces.tracking.track import FaceTracker, Tracked
from lipsync.media import Frame, read_frames


def pose(x=10.0, y=10.0, side=8.0):
    return Pose(np.array([x, y]), np.array(side), np.array(0.0))


def video(levels, gaps=(), new=()):
    """Frames of one grey level each, all with a face but those in ``gaps``."""
    for index, level in enumerate(levels):
        frame = Frame(np.full((4, 4, 3), level, np.uint8), index / 25, index)
        yield Tracked(frame, None if index in gaps else pose(), new=index in new)


def plain(sync_network, levels, speech):
    """LSE of one track from whole arrays at once."""
    windows = min(len(levels), len(speech) // 640) - 5
    crops = np.stack([np.full((2, 2, 3), level, np.uint8) for level in levels])
    lips = sync_network.embed_video(crops)[:windows]
    return lse(lips, sync_network.embed_audio(speech, 0, windows))


def sound(frames, late=0, seed=0):
    """Frame levels 0..255 and speech that carries the same numbers ``late`` frames later."""
    rng = np.random.default_rng(seed)
    levels = rng.integers(0, 255, frames)
    speech = np.repeat(np.roll(levels, late), 640).astype(np.int16)
    return levels, speech


@pytest.mark.parametrize("margin", [0, 30])
@pytest.mark.parametrize(("frames", "late"), [(25, 0), (37, -3), (180, 6), (400, 0)])
def test_stream_equals_the_whole_clip_at_once(linear_judge, frames, late, margin):
    levels, speech = sound(frames, late)
    stream = SyncStream(linear_judge(margin=margin), speech)
    for item in video(levels):
        stream.see(item)
    (track,) = stream.finish()
    expected = plain(linear_judge(margin=margin), levels, speech)
    assert track.score.offset == expected.offset
    assert track.score.distance == pytest.approx(expected.distance, rel=1e-6)
    assert track.score.confidence == pytest.approx(expected.confidence, rel=1e-6)
    assert (track.score.windows, track.score.full_support) == (expected.windows, expected.full_support)
    assert track.curve.min() == pytest.approx(expected.distance)
    if frames > 100:
        assert track.score.offset == -late
        inside = track.offsets[abs(late) : len(track.offsets) - abs(late)]
        assert margin or (inside == -late).all()  # every window by itself
    assert len(track.offsets) == track.score.windows


@pytest.mark.parametrize("samples", [640 * 20, 640 * 90 + 320, 640 * 500])
def test_short_or_long_sound_limits_the_windows(linear_judge, samples):
    levels, speech = sound(100)
    speech = np.resize(speech, samples)
    stream = SyncStream(linear_judge(), speech)
    for item in video(levels):
        stream.see(item)
    (track,) = stream.finish()
    assert track.score.windows == min(100, samples // 640) - 5
    assert track.score.distance == pytest.approx(plain(linear_judge(), levels, speech).distance, rel=1e-6)


def test_every_track_is_scored_with_its_own_sound_and_short_ones_are_counted(linear_judge):
    levels, speech = sound(200)
    stream = SyncStream(linear_judge(), speech)
    for item in video(levels, gaps=(*range(60, 70), 80), new=(0, 70, 81, 140)):
        stream.see(item)
    tracks = stream.finish()
    assert [(t.start, t.frames) for t in tracks] == [(0, 60), (81, 59), (140, 60)]
    assert stream.short == 10
    for track in tracks:
        part = plain(
            linear_judge(), levels[track.start : track.start + track.frames], speech[640 * track.start :]
        )
        assert track.score.distance == pytest.approx(part.distance, rel=1e-6)
        assert track.score.offset == part.offset
    column = per_frame(tracks, 200)
    assert np.isnan(column[[0, 1, 58, 65, 82]]).all()
    assert not np.isnan(column[[2, 56, 83, 142]]).any()
    weights = [t.score.windows for t in tracks]
    np.testing.assert_allclose(
        mean_curve(tracks), sum(w * t.curve for w, t in zip(weights, tracks, strict=True)) / sum(weights)
    )


def test_a_crop_sees_the_poses_of_thirteen_frames(linear_judge):
    rng = np.random.default_rng(0)
    places = rng.normal(100, 10, (40, 2))
    sync_network = linear_judge(smoothing=13)
    stream = SyncStream(sync_network, np.zeros(640 * 40, np.int16))
    for index, (x, y) in enumerate(places):
        stream.see(Tracked(Frame(np.zeros((4, 4, 3), np.uint8), index / 25, index), pose(x, y)))
    stream.finish()
    for t, around in enumerate(sync_network.poses):
        np.testing.assert_array_equal([p.centre for p in around], places[max(0, t - 6) : t + 7])


def test_lrs_takes_the_whole_frame_with_or_without_a_face(linear_judge):
    levels, speech = sound(60)
    sync_network = linear_judge()
    stream = SyncStream(sync_network, speech, "lrs")
    for item in video(levels, gaps=range(20, 40)):
        stream.see(item)
    (track,) = stream.finish()
    assert track.frames == 60
    assert sync_network.poses == [None] * 60


def test_real_clip_equals_a_plain_implementation_of_the_reference(shared, weights):
    """SyncNet with random weights: every step from the protocol written once more, on arrays."""
    import cv2
    import python_speech_features

    path, count = shared / "data" / "train" / "id003_clip01.mp4", 34
    torch.manual_seed(0)
    network = SyncNet().eval()
    speech = read_speech(path)[: 640 * count]
    tracker = FaceTracker(weights / "face_landmarker.task", 25)
    tracked = list(tracker.track(read_frames(path, fps=25, max_frames=count)))
    tracker.close()
    stream = SyncStream(SyncNetV2(network, "0" * 64), speech)
    for item in tracked:
        stream.see(item)
    (track,) = stream.finish()

    boxes = np.array([(*t.pose.centre - [0, 0.113 * t.pose.side], 0.55 * t.pose.side) for t in tracked])
    crops = []
    for t, item in enumerate(tracked):
        x, y, s = np.median(boxes[max(0, t - 6) : t + 7], axis=0)
        pad = 400
        padded = cv2.copyMakeBorder(item.frame.image, *[pad] * 4, cv2.BORDER_CONSTANT, value=(110, 110, 110))
        rows = slice(round(y - s) + pad, round(y + 1.8 * s) + pad)
        columns = slice(round(x - 1.4 * s) + pad, round(x + 1.4 * s) + pad)
        crops.append(cv2.resize(padded[rows, columns], (224, 224))[..., ::-1].astype(np.float32))
    mfcc = python_speech_features.mfcc(np.asarray(speech), 16000)
    windows = min(count, len(speech) // 640) - 5
    with torch.no_grad():
        lips, audio = [], []
        for t in range(windows):
            clip = torch.tensor(np.stack(crops[t : t + 5])).permute(3, 0, 1, 2)[None]
            lips.append(network.embed_video(clip)[0].numpy())
            part = torch.tensor(mfcc[4 * t : 4 * t + 20].T[None, None].copy()).float()
            audio.append(network.embed_audio(part)[0].numpy())
    zeros = np.zeros((15, 1024), np.float32)
    padded_audio = np.concatenate([zeros, np.stack(audio), zeros])
    curve = [
        np.mean([np.linalg.norm(lips[t] - padded_audio[t + k] + 1e-6) for t in range(windows)])
        for k in range(31)
    ]
    np.testing.assert_allclose(track.curve, curve, rtol=1e-5)
    assert track.score.windows == windows
    assert track.score.offset == 15 - int(np.argmin(curve))
