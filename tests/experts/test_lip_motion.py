"""The lip-motion expert: what its embeddings depend on, and what both of its stages leave."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from lipsync.audio.encoders import load_encoder
from lipsync.audio.features import AudioFeatures
from lipsync.data.augmentation import vary_sound
from lipsync.data.clips import load_clips
from lipsync.errors import ConfigError
from lipsync.experts.lip_motion import POINTS, LipMotion, LipMotionConfig, running_mean, speech_places
from lipsync.experts.training.lip_motion_loss import LipMotionLoss
from lipsync.experts.training.lip_motion_stage import (
    OFFSETS,
    LipMotionStage,
    LipMotionTraining,
    best_offset,
    neighbours,
    read_offsets,
)
from lipsync.experts.training.lip_points_stage import LipPointsStage, LipPointsTraining
from lipsync.faces.tracking.landmarks import (
    LIP_POINTS,
    LIP_POINTS_MIRRORED,
    MOUTH_LEFT,
    MOUTH_RIGHT,
    lip_points,
)
from lipsync.media import read_audio
from lipsync.methods.wav2lip.config import Wav2LipConfig
from lipsync.methods.wav2lip.train import GeneratorConfig, GeneratorStage
from lipsync.training.loop import RunConfig, Update, fit
from tests.training.toy import toy_folder

SMALL = LipMotionConfig("log-mel", 160, reduced=16, hidden=48, embedding=24, width=4)
RUN = RunConfig(steps=2, device="cpu", threads=1, log_every=1, save_every=0, check_every=2)


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(0)
    return LipMotion(SMALL).eval()


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    return load_clips(toy_folder(tmp_path_factory.mktemp("clips"), ("train",) * 3, frames=60))


def test_a_running_mean_is_that_of_the_frames_around():
    values = torch.randn(2, 50, 3)
    found = running_mean(values, 31)
    for frame in (0, 7, 15, 30, 49):
        first = min(max(frame - 15, 0), 19)
        assert torch.allclose(found[:, frame], values[:, first : first + 31].mean(1), atol=1e-6)
    assert torch.allclose(
        running_mean(values[:, :9], 31), values[:, :9].mean(1, keepdim=True).expand(-1, 9, -1)
    )


def test_embeddings_of_lips_see_movement_and_not_the_face(net):
    torch.manual_seed(1)
    points = torch.randn(1, 60, POINTS) * 0.02
    lips = net.embed_lips(points)
    assert lips.shape == (1, 56, 24)
    assert torch.allclose(lips.norm(dim=2), torch.ones(1, 56), atol=1e-5)
    assert torch.allclose(net.embed_lips(points + torch.randn(1, 1, POINTS)), lips, atol=1e-3)
    assert not torch.allclose(net.embed_lips(points * 2), lips, atol=1e-2)
    # Five frames alone, with the mean mouth given, are embedded as amid the others.
    neutral = running_mean(points, SMALL.around)[:, 22]
    alone = net.embed_lips(points[:, 20:25], neutral)
    shifted = (points[:, 20:25] - neutral[:, None])[:, None]
    assert alone.shape == (1, 1, 24)
    assert torch.allclose(alone, net.embed_lips(shifted[:, 0], torch.zeros(1, POINTS)))


def test_embeddings_of_speech_come_from_the_vectors_around_the_middle_frame(net):
    vectors = torch.randn(1, 400, 160)
    places = speech_places(20, 30, SMALL.count)
    found = net.embed_speech(vectors[:, places])
    assert found.shape == (1, 30, 24)
    # The window of frames 25 to 29 has frame 27 in its middle: vector 54, eight each way.
    changed = vectors.clone()
    changed[:, 54 - 9] += torch.randn(160)
    changed[:, 54 + 9] += torch.randn(160)
    assert torch.equal(net.embed_speech(changed[:, places])[:, 5], found[:, 5])
    changed[:, 54 + 8] += torch.randn(160)
    assert not torch.allclose(net.embed_speech(changed[:, places])[:, 5], found[:, 5])


def test_gradients_reach_the_picture(net):
    crops = torch.rand(5, 3, 160, 160, requires_grad=True)
    points = net.read_points(crops)
    assert points.shape == (5, POINTS)
    net.embed_lips(points[None], torch.zeros(1, POINTS)).sum().backward()
    assert crops.grad is not None
    assert crops.grad[:, :, 80:].abs().sum() > 0
    assert crops.grad[:, :, :70].abs().sum() == 0  # the upper half does not matter


def test_points_of_lips_do_not_depend_on_size_place_and_tilt():
    rng = np.random.default_rng(0)
    points = rng.normal(0, 40, (7, 478, 2))
    angle = 0.3
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    found = lip_points(points)
    assert found.shape == (7, len(LIP_POINTS), 2)
    np.testing.assert_allclose(lip_points(1.7 * points @ turn.T + [300, -20]), found, atol=1e-9)
    swapped = LIP_POINTS_MIRRORED
    assert swapped[LIP_POINTS.index(MOUTH_LEFT)] == LIP_POINTS.index(MOUTH_RIGHT)
    assert [swapped[place] for place in swapped] == list(range(len(LIP_POINTS)))


def test_log_mel_vectors_stand_at_their_times_and_begin_anywhere():
    rng = np.random.default_rng(0)
    sound = np.zeros(16_000, np.float32)
    sound[8000:8160] = rng.normal(size=160)
    encoder = load_encoder("log-mel")
    vectors = encoder.encode(sound)
    assert vectors.shape == (51, encoder.dimension)
    assert abs(int(vectors.mean(1).argmax()) - 25) <= 1  # 0.5 s
    with pytest.raises(ConfigError, match="has no weights"):
        load_encoder("log-mel", weights="x")


def test_varied_sound_keeps_its_times():
    rng = np.random.default_rng(0)
    loud = np.repeat(rng.uniform(0.05, 1, 50), 640)
    sound = (loud * rng.normal(0, 0.1, len(loud))).astype(np.float32)
    varied = vary_sound(sound, rng)
    assert varied.dtype == np.float32
    assert np.abs(varied).max() <= 1
    levels = [np.sqrt(np.square(x).reshape(50, 640).mean(1)) for x in (sound, varied)]
    assert np.corrcoef(*levels)[0, 1] > 0.8
    assert np.corrcoef(np.roll(levels[0], 3), levels[1])[0, 1] < 0.5


def test_both_stages_leave_what_the_next_one_takes(clips, tmp_path):
    torch.manual_seed(0)
    points = LipPointsStage(LipPointsTraining(width=4, clips=2, frames=3), clips, clips[:1])
    fit(points, RUN, tmp_path / "points", quiet=True)
    config = LipMotionTraining(SMALL, points=str(tmp_path / "points"), clips=2, varied=1)
    stage = LipMotionStage(config, clips, clips[:2])
    before = {name: value.clone() for name, value in stage.net.named_parameters()}
    fit(stage, RUN, tmp_path / "motion", quiet=True)
    still = {name for name, value in stage.net.named_parameters() if torch.equal(value, before[name])}
    assert still == {name for name in before if name.startswith("points.")}
    again = LipMotion.from_pretrained(tmp_path / "motion" / "lip-motion")
    assert again.config == SMALL
    (offsets,) = (tmp_path / "motion").rglob(OFFSETS)
    assert set(read_offsets(offsets)) == {clip.name for clip in clips[:2]}
    with offsets.open(newline="") as file:
        assert all(abs(float(row["cosine"])) <= 1 for row in csv.DictReader(file))
    # A clip whose sound is taken to be late is compared with later sound.
    late = replace(config, offsets=str(offsets))
    offsets.write_text(f"clip,offset,cosine\n{clips[0].name},7,0.5\n")
    assert LipMotionStage(late, clips, []).train_clips[clips[0].name].offset == 7
    offsets.write_text("clip\nx\n")
    with pytest.raises(ConfigError, match="no table of offsets"):
        LipMotionStage(late, clips, [])
    with pytest.raises(ConfigError, match="train lip-points"):
        LipMotionStage(replace(config, points=""), clips, [])
    with pytest.raises(ConfigError, match="odd numbers"):
        replace(SMALL, count=16)


@pytest.fixture
def saved(net, tmp_path):
    net.save_pretrained(tmp_path)
    return str(tmp_path)


def test_the_loss_of_real_windows_is_that_of_their_embeddings(saved, net, clips):
    loss = LipMotionLoss(saved)
    given = loss.inputs(clips[:2], [20, 3], 6, [False, True])
    assert given["neutral"].shape == (2, POINTS)
    assert given["motion_speech"].shape == (2, 2 * 2 + SMALL.count - 2, SMALL.dimension)
    points = lip_points(clips[0].landmarks)
    assert torch.allclose(
        given["neutral"][0], torch.from_numpy(points[8:39].mean(0).astype(np.float32)).flatten()
    )
    vectors = load_encoder("log-mel").encode(read_audio(clips[0].folder / f"{clips[0].name}.mp4"))
    places = speech_places(20, 2, SMALL.count).numpy()
    np.testing.assert_allclose(given["motion_speech"][0], vectors[places].astype(np.float16), rtol=2e-3)
    crops = torch.rand(2, 6, 3, 96, 96, requires_grad=True)
    found = loss(crops, given["neutral"], given["motion_speech"])
    assert found.shape == (2, 2)
    read = net.read_points(crops.detach().flatten(0, 1)).unflatten(0, (2, 6))
    lips = net.embed_lips(read, given["neutral"])
    cosine = torch.nn.functional.cosine_similarity(lips, net.embed_speech(given["motion_speech"]), dim=-1)
    assert torch.allclose(found, 1 - cosine, atol=1e-5)
    found.mean().backward()
    assert crops.grad.abs().sum() > 0


def test_a_generator_learns_from_it_also_with_speech_of_other_clips(saved, clips):
    torch.manual_seed(0)
    config = GeneratorConfig(
        model=Wav2LipConfig(audio=AudioFeatures(start=-4), width=0.03),
        windows=3, sync_weight=0, gan_weight=0, lip_motion=saved, motion_weight=1.0,
        mismatched_audio_fraction=1 / 3, augment=True,
    )  # fmt: skip
    stage = GeneratorStage(config, clips, [])
    batch = stage.batch(np.random.default_rng(0))
    assert torch.equal(batch["motion_speech"][0], batch["motion_speech"][1])
    frozen = [value.clone() for value in stage.motion.net.parameters()]
    values = stage.step(batch, Update(RUN, torch.device("cpu")), 0.5)
    assert 0 < values["motion"] < 2
    assert all(map(torch.equal, frozen, stage.motion.net.parameters()))
    with pytest.raises(ConfigError, match="holds no lip-motion expert"):
        GeneratorStage(replace(config, lip_motion="nowhere"), clips, [])
    with pytest.raises(ConfigError, match="windows of 5 frames"):
        GeneratorStage(replace(config, frames=4), clips, [])


def test_the_target_of_a_window_is_its_time_and_a_little_of_the_next_ones():
    target = neighbours(5, 0.1)
    assert torch.allclose(target.sum(1), torch.ones(5))
    assert target[2].tolist() == pytest.approx([0, 0.1, 0.8, 0.1, 0])


def test_the_best_offset_is_where_the_cosine_is_largest(net, clips, tmp_path):
    """With embeddings taken over by a planted sound: the vectors of another time, nine of them late."""
    torch.manual_seed(0)
    points = LipPointsStage(LipPointsTraining(width=4, clips=2, frames=3), clips, [])
    fit(points, RUN, tmp_path, quiet=True)
    stage = LipMotionStage(LipMotionTraining(SMALL, points=str(tmp_path), clips=2, varied=0), clips, [])
    found = stage.train_clips[clips[0].name]
    planted = stage.net.eval()
    with torch.no_grad():
        speech = planted.embed_speech(
            torch.from_numpy(
                found.speech[:1, speech_places(0, 56, 17).clamp(0).numpy() % len(found.speech[0])]
            ).float()
        )
    planted.embed_lips = lambda points: speech  # type: ignore[method-assign]
    late = np.roll(found.speech, 9, axis=1)
    assert best_offset(planted, replace(found, speech=late), torch.device("cpu"))[0] == 9


def test_configurations_that_ship_are_read(tmp_path):
    from lipsync.assets import asset

    for name in ("lip-motion-whisper", "lip-motion-embedded"):
        folder = asset("models", name)
        settings = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        assert LipMotion.from_pretrained(str(folder)).config == LipMotionConfig(**settings)
