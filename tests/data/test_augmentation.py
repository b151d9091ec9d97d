"""Framing: pictures and points move together, and no framing is the crop that is used."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from lipsync.audio.features import AudioFeatures
from lipsync.audio.speech_input import SpeechInput
from lipsync.data.augmentation import cut, framing, light, mask_bands, vary_mel
from lipsync.data.clips import MARGIN, STORED
from lipsync.data.speech_stretches import SpeechStretches
from lipsync.data.windows import WindowOptions, draw_windows
from lipsync.experts.sync_expert import SyncExpertConfig
from lipsync.experts.training.sync_stage import SyncConfig, SyncStage
from lipsync.faces.tracking.crop import Pose, crop_face, crop_matrix
from lipsync.methods.multi_reference.reference_windows import WindowSampling, draw_reference_windows
from tests.training.toy import toy_clip


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


def crops_of(clip, size: int) -> np.ndarray:
    return cut(clip.faces, framing(STORED, size, MARGIN, None)[0], size).transpose(0, 3, 1, 2)


def test_windows_without_augmentation_are_the_clips_own():
    clip, audio = toy_clip("a", frames=40), AudioFeatures("mel")
    plain = crops_of(clip, 64)
    rng = np.random.default_rng(0)
    drawn = draw_windows([clip] * 6, WindowOptions(3, 64, audio, audio), rng)
    varied = draw_windows(
        [clip] * 6, WindowOptions(3, 64, audio, audio, augment=True), np.random.default_rng(0)
    )
    starts = []
    for crops, speech, reference in zip(drawn["frames"], drawn["speech"], drawn["reference"], strict=True):
        (start,) = (
            at
            for at in range(38)
            if (speech.numpy() == clip.speech(np.arange(at, at + 3), audio)).all()
            and (crops.numpy() == plain[at : at + 3]).all()
        )
        assert (reference.numpy() == plain).all((1, 2, 3)).any()
        starts.append(start)
    assert len(set(starts)) > 3
    for name in ("frames", "speech", "reference"):
        assert not any(torch.equal(a, b) for a, b in zip(drawn[name], varied[name], strict=True))


def test_a_sync_expert_is_shown_the_clips_own_too():
    clip = toy_clip("a", frames=60)
    model = SyncExpertConfig(width=0.03, deep=1)
    config = SyncConfig(model=model, clips=2, windows=3)
    batch = SyncStage(config, [clip], []).batch(np.random.default_rng(0))
    varied = SyncStage(replace(config, augment=True), [clip], []).batch(np.random.default_rng(0))
    plain = crops_of(clip, 96)
    for crops, speech in zip(batch["faces"], batch["speech"], strict=True):
        assert [
            at
            for at in range(56)
            if (speech.numpy() == clip.speech(np.array([at]), model.audio)[0]).all()
            and (crops.numpy() == plain[at : at + 5]).all()
        ]
    assert not torch.equal(batch["faces"], varied["faces"])
    assert not torch.equal(batch["speech"], varied["speech"])


def test_the_patents_gamma_and_brightness_stay_where_the_rest_is_off():
    clip, speech_stretches = toy_clip("a", frames=40), SpeechStretches(SpeechInput(dimension=16, count=3))
    clip.faces[:] = cv2.cvtColor(clip.faces[0], cv2.COLOR_RGB2GRAY)[..., None]  # grey, and the same all along
    plain = crops_of(clip, 64)[0]
    lights = set()
    for seed in range(5):
        batch = draw_reference_windows(
            [clip], WindowSampling(1, 64, 2), speech_stretches, np.random.default_rng(seed)
        )
        crops = batch["frames"][0, 0].numpy()
        assert (crops[0] == crops[1]).all()
        assert (crops[0] == crops[2]).all()  # no cast of colour
        assert (batch["references"][0].numpy() == crops).all()  # nor another framing
        table = {tuple(pair) for pair in np.stack([plain[0], crops[0]], -1).reshape(-1, 2)}
        assert len(table) == len(np.unique(plain[0]))  # each grey has become one other
        lights.add(tuple(sorted(table)))
        start = int(batch["start"][0])
        assert (batch["speech"][0].numpy() == speech_stretches.stretch(clip, start, 1)).all()
    assert len(lights) == 5


def test_light_is_a_monotonous_curve():
    for seed in range(5):
        table = light(np.random.default_rng(seed))
        assert table.shape == (256, 3)
        assert (np.diff(table.astype(int), axis=0) >= 0).all()
