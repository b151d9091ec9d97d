"""A teacher hears mouths in a frozen encoder's features, and hands them on with speech that has no face."""

import re
from dataclasses import replace

import numpy as np
import pytest
import soundfile
import torch
from safetensors.torch import save_file

from lipsync.audio.features import AudioFeatures
from lipsync.data.clips import load_clips
from lipsync.errors import ConfigError
from lipsync.experts.training.mouth_teacher import Teacher, at_frames
from lipsync.experts.training.teacher_stage import TeacherConfig, TeacherStage
from lipsync.methods.wav2lip.config import Wav2LipConfig
from lipsync.methods.wav2lip.train_speech import SpeechConfig, SpeechStage
from lipsync.training.loop import RunConfig, fit
from tests.training.toy import toy_clip, toy_folder

RUN = RunConfig(steps=60, device="cpu", threads=1, check_every=60)
MODEL = Wav2LipConfig(audio=AudioFeatures(start=-4), width=0.03)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return toy_folder(tmp_path_factory.mktemp("toy"), ("train", "train", "train", "dev"))


@pytest.fixture(scope="module")
def teacher(tmp_path_factory, folder):
    """The file of a teacher who heard three people; its encoder is the mel spectrogram."""
    out = tmp_path_factory.mktemp("teacher")
    train, dev = load_clips(folder), load_clips(folder, ("dev",))
    config = TeacherConfig(encoder="mel", stretches=6, frames=50, hidden=16, learning_rate=1e-2)
    torch.manual_seed(0)
    stage = TeacherStage(config, train, dev)
    fit(stage, RUN, out, quiet=True)
    with torch.inference_mode():
        assert stage.check(out, 60)["dev_r_gap"] > 0.8, "loudness is what opens these mouths"
    return out / "teacher.safetensors"


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    """A folder of voices without faces, one of them in a folder of its own and one too short."""
    out = tmp_path_factory.mktemp("voices")
    (out / "more").mkdir()
    for name, seed, frames in (("a.wav", 7, 75), ("more/b.flac", 8, 60), ("short.wav", 9, 20)):
        soundfile.write(out / name, toy_clip("x", seed=seed, frames=frames).__dict__["sound"], 16_000)
    return out


def test_a_frame_takes_the_nearest_vector_and_the_last_repeats():
    features = np.arange(5, dtype=np.float32)[:, None]  # at 50 Hz: 0, 20, 40, 60 and 80 ms
    assert at_frames(features, 50, 4)[:, 0].tolist() == [0, 2, 4, 4]
    assert at_frames(features, 25, 6)[:, 0].tolist() == [0, 1, 2, 3, 4, 4]
    assert at_frames(features, 80, 3)[:, 0].tolist() == [0, 3, 4]  # 40 ms lies 0.2 vectors after the third


def test_the_file_says_which_encoder_it_belongs_to_and_hears_a_voice_it_never_met(teacher):
    known = toy_clip("x", seed=7, frames=75)
    teacher_shapes = Teacher(str(teacher)).shapes(known.__dict__["sound"])
    assert teacher_shapes.shape == (75, 4)
    assert np.corrcoef(teacher_shapes[:, 0], known.shape[:, 0])[0, 1] > 0.8


def test_the_encoder_learns_from_voices_without_faces(folder, teacher, recordings):
    config = SpeechConfig(
        model=MODEL, stretches=2, frames=45, every=3, teacher=str(teacher), taught=str(recordings),
        taught_stretches=4,
    )  # fmt: skip
    stage = SpeechStage(config, load_clips(folder), [])
    assert sorted(len(recording.teacher_shapes) for recording in stage.recordings) == [
        60,
        75,
    ]  # none of 20 frames
    batch = stage.batch(np.random.default_rng(0))
    assert batch["speech"].shape == (6 * 15, 1, 119, 16)
    assert batch["shape"].shape == (2, 15, 4)
    assert batch["teacher_shapes"].shape == (6, 15, 4)
    spoken = {tuple(rows.tolist()) for rows in batch["teacher_shapes"][2:, :, 0]}
    possible = [
        r.teacher_shapes[first : first + 45 : 3, 0]
        for r in stage.recordings
        for first in range(len(r.teacher_shapes) - 44)
    ]
    assert spoken <= {tuple(rows.tolist()) for rows in possible}
    other = {**batch, "speech": batch["speech"].clone()}
    other["speech"][2 * 15 :] += 1
    assert _step(stage, other)["taught_gap"] != _step(stage, batch)["taught_gap"]


def _step(stage, batch):
    class Still:
        """Leaves the weights as they are."""

        def autocast(self):
            return torch.autocast("cpu", enabled=False)

        def __call__(self, *_):
            pass

    torch.manual_seed(0)
    return stage.step(batch, Still(), 0.5)


def test_a_voice_played_faster_is_shorter(folder, teacher, recordings):
    config = SpeechConfig(
        model=MODEL, frames=30, teacher=str(teacher), taught=str(recordings), speeds=(1.0, 1.25)
    )
    stage = SpeechStage(config, load_clips(folder), [])
    assert [len(recording.teacher_shapes) for recording in stage.recordings] == [75, 48]
    assert [recording.mel.shape[1] for recording in stage.recordings] == [241, 154]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"taught": "x"}, "stage.taught holds speech without faces; name a stage.teacher for it."),
        ({"teacher": "nowhere.safetensors"}, "There is no teacher nowhere.safetensors. Train one with"),
        ({"teacher": "other.safetensors"}, "other.safetensors is no teacher's file."),
        ({"teacher": "noise.safetensors"}, "noise.safetensors is no teacher's file."),
        ({"teacher": "good", "taught": "empty"}, "empty holds no recording of 1.8 s or more (.wav, .flac"),
    ],
)
def test_what_is_missing_or_no_teacher_is_said(folder, teacher, tmp_path, monkeypatch, changes, sentence):
    monkeypatch.chdir(tmp_path)
    save_file({"weight": torch.zeros(2)}, "other.safetensors")
    (tmp_path / "noise.safetensors").write_bytes(b"no weights")
    (tmp_path / "empty").mkdir()
    changes = {**changes, **({"teacher": str(teacher)} if changes.get("teacher") == "good" else {})}
    with pytest.raises(ConfigError, match=re.escape(sentence)):
        SpeechStage(replace(SpeechConfig(model=MODEL, frames=45), **changes), load_clips(folder), [])
