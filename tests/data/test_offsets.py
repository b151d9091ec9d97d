"""The sync check: shifts are found where they are, small evidence moves nothing, and moved sound fits."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch

from lipsync.audio.features import AudioFeatures
from lipsync.data.clips import STORED, Clip
from lipsync.data.preparation import offsets as offset
from lipsync.data.preparation.offsets import distances, shift_distances
from lipsync.data.preparation.prepare import prepare
from lipsync.data.preparation.sources import Video
from lipsync.data.preparation.timing import MAX_OFFSET, Distances, Shift, SyncCheck, Trust, decide, pooled
from lipsync.errors import ConfigError
from lipsync.experts.sync_expert import SyncExpertConfig
from lipsync.media import VideoWriter, read_audio, read_frames

CPU = torch.device("cpu")


class Ideal:
    """An expert whose embeddings are the brightness of five frames, and the level of what is heard."""

    config = SyncExpertConfig(audio=AudioFeatures(kind="mel"))

    def to(self, device):
        return self

    def embed_faces(self, faces: torch.Tensor) -> torch.Tensor:
        return faces.unflatten(1, (5, 3)).mean((2, 3, 4))  # (B, 5)

    def embed_audio(self, audio: torch.Tensor) -> torch.Tensor:
        level = audio[:, 0].mean(1)  # (B, 16) at 80 Hz: 3.2 columns a frame
        return torch.stack([level[:, 1 + round(3.2 * k)] for k in range(5)], dim=1)


def toned(late: int = 0, frames: int = 80, seed: int = 0, name: str = "c") -> Clip:
    """Brightness and level follow one random curve; the sound comes ``late`` frames behind."""
    curve = np.random.default_rng(seed).uniform(0, 1, frames + 60)
    grey = (curve[30 : 30 + frames] * 255).astype(np.uint8)
    faces = np.broadcast_to(grey[:, None, None, None], (frames, STORED, STORED, 3))
    at = (np.arange(round(frames * 3.2)) / 3.2 + 1e-6).astype(int)
    mel = np.repeat(curve[30 + at - late][None], 80, axis=0).astype(np.float32)
    clip = Clip(name, name, "val", Path("nowhere"), frames)
    clip.__dict__.update(faces=np.ascontiguousarray(faces), landmarks=np.zeros((frames, 478, 2)), mel=mel)
    return clip


@pytest.mark.parametrize("late", [0, 1, -1, 4, -7, 15, -15])
def test_shift_is_found_and_its_sign_is_that_of_the_sound(late):
    found = distances(shift_distances(Ideal(), toned(late), CPU)).shift()
    assert found is not None
    assert found.frames == late
    assert found.trust > 1


def test_lead_takes_the_sound_from_later_on():
    rows = shift_distances(Ideal(), toned(3), CPU, lead=3)
    assert distances(rows).shift().frames == 0


def test_rows_hold_no_number_beyond_the_ends():
    rows = shift_distances(Ideal(), toned(), CPU, max_offset=15)
    assert rows.shape == (76, 31)  # one window of five frames starts at each but the last four
    assert np.isnan(rows[0, :15]).all()
    assert not np.isnan(rows[0, 15:]).any()
    assert np.isnan(rows[-1, 16:]).all()
    plain = np.full(rows.shape, np.nan)
    net, clip = Ideal(), toned()
    frames = torch.from_numpy(clip.faces[:, 0, 0, 0].astype(np.float32)) / 255
    face = torch.stack([frames[t : t + 5] for t in range(76)])
    audio = net.embed_audio(torch.from_numpy(clip.speech(np.arange(76), net.config.audio)))
    for t in range(76):
        for k in range(-15, 16):
            if 0 <= t + k < 76:
                plain[t, k + 15] = float((face[t] - audio[t + k]).norm())
    np.testing.assert_allclose(rows, plain, atol=1e-4)


def curve(best: int, depth: float, windows: int = 100, beside: float = 0.0) -> Distances:
    """1 everywhere but at one shift, and ``beside`` lower at the shift three frames from it."""
    values = np.ones(2 * MAX_OFFSET + 1)
    values[MAX_OFFSET + best] -= depth
    values[MAX_OFFSET + best + 3] -= beside
    return Distances(values * windows, np.full(2 * MAX_OFFSET + 1, windows))


def test_trust_is_the_margin_over_rivals_and_grows_with_the_windows():
    assert curve(4, 0.02).shift() == Shift(4, pytest.approx(0.2), 100)
    assert curve(4, 0.02, windows=400).shift().trust == pytest.approx(0.4)
    assert curve(4, 0.02, beside=0.015).shift().trust == pytest.approx(0.05)
    near = curve(4, 0.02)
    near.total[MAX_OFFSET + 5] -= 1.9  # a neighbour is no rival
    assert near.shift().trust == pytest.approx(0.2)
    short = curve(0, 0.02)
    short.count[0] = 0
    assert short.shift() is None


@pytest.mark.parametrize(
    ("best", "depth", "fate"),
    [
        (0, 0.009, "keep"), (2, 0.009, "keep"), (-2, 0.009, "keep"), (0, 0.007, "reject"),
        (3, 0.016, "move"), (-9, 0.016, "move"), (3, 0.014, "reject"), (15, 0.001, "reject"),
    ],
)  # fmt: skip
def test_more_is_asked_to_move_a_sound_than_to_leave_it(best, depth, fate):
    shift = curve(best, depth).shift() if best < 13 else Shift(best, depth, 100)
    assert shift.fate(Trust()) == fate
    assert shift.fate(Trust(keep=9, move=9)) == "reject"
    assert Shift(2, 0.2, 100).fate(Trust(near=1)) == "move"


def test_clips_of_one_recording_decide_together():
    def record(part: Distances) -> dict:
        return {"clips": [{}], "sync": {"total": part.total.tolist(), "count": part.count.tolist()}}

    videos = [Video(Path("x"), f"{i}.mp4", "p", recording="show") for i in range(4)]
    videos += [Video(Path("x"), "alone.mp4", "q"), Video(Path("x"), "empty.mp4", "q")]
    weak = curve(5, 0.009)  # alone it is not enough to move anything
    done = {video.name: record(weak) for video in videos}
    done["empty.mp4"] = {"clips": []}
    verdicts = decide(videos, done, Trust())
    assert verdicts["show"].fate == "move"
    assert verdicts["show"].shift.frames == 5
    assert verdicts["show"].videos == 4
    assert verdicts["alone.mp4"].fate == "reject"
    assert "empty.mp4" not in verdicts
    assert pooled([weak, weak]).shift().windows == 200


@pytest.fixture
def film(shared):
    """Three seconds of a person of the val split whom the expert trusts, and another person's sound."""
    data = shared / "data" / "train"
    frames = [frame.image for frame in read_frames(data / "id080_clip01.mp4", fps=25, max_frames=110)]
    sounds = [read_audio(data / f"{name}.mp4") for name in ("id080_clip01", "id062_clip01")]
    return frames, sounds


def write(path: Path, frames, sound: np.ndarray) -> None:
    wav = path.with_suffix(".wav")
    soundfile.write(wav, sound[: len(frames) * 640], 16_000)
    with VideoWriter(path, frames[0].shape[1], frames[0].shape[0], 25, audio=wav) as writer:
        for frame in frames:
            writer.write(frame)
    wav.unlink()


@pytest.mark.slow
def test_prepare_moves_a_late_sound_back_and_leaves_out_what_does_not_fit(tmp_path, film, landmarker):
    frames, (own, other) = film
    (tmp_path / "in").mkdir()
    write(tmp_path / "in" / "fits.mp4", frames, own)
    write(tmp_path / "in" / "late.mp4", frames, np.concatenate([np.zeros(6 * 640, np.float32), own]))
    write(tmp_path / "in" / "other.mp4", frames, other)
    cut = {"landmarker": landmarker, "sync": SyncCheck(), "val_share": 0.0}
    told: list[str] = []
    summary = prepare(tmp_path / "in", tmp_path / "out", report=told.append, **cut)
    assert summary.fates == {"keep": 1, "move": 1, "reject": 1}
    offsets = pd.read_csv(tmp_path / "out" / "offsets.csv", index_col="recording")
    assert offsets["fate"].to_dict() == {"fits.mp4": "keep", "late.mp4": "move", "other.mp4": "reject"}
    assert abs(offsets.loc["fits.mp4", "late_frames"]) <= 1
    assert abs(offsets.loc["late.mp4", "late_frames"] - 6) <= 1
    manifest = pd.read_csv(tmp_path / "out" / "manifest.csv", index_col="source")
    assert sorted(manifest.index) == ["fits.mp4", "late.mp4"]
    assert any("late.mp4: sound moved by +" in line for line in told)
    rejected = pd.read_csv(tmp_path / "out" / "rejected.csv")
    assert rejected.loc[rejected["source"] == "other.mp4", "reason"].tolist() == ["sound not trusted"]
    # The moved sound is the original one again, to the frame that the expert is exact to.
    moved = int(offsets.loc["late.mp4", "late_frames"])
    heard = read_audio(tmp_path / "out" / f"{manifest.loc['late.mp4', 'clip']}.mp4")
    wanted = np.pad(own, (12 * 640, 0))[(12 + moved - 6) * 640 :]
    span = slice(8000, 40_000)
    assert np.corrcoef(heard[span], wanted[span])[0, 1] > 0.95
    # At the end the sound of the last frames is gone, and the frames with it.
    assert manifest.loc["late.mp4", "frames"] == manifest.loc["fits.mp4", "frames"] - moved
    assert "no sound after it was moved" in set(rejected["reason"])
    report = (tmp_path / "out" / "report.md").read_text()
    assert "| move | 1 |" in report
    assert f"| +{moved} | 1 |" in report
    # A second call finds everything done; other thresholds look at nothing again.
    before = (tmp_path / "out" / "manifest.csv").read_text()
    again: list[str] = []
    assert prepare(tmp_path / "in", tmp_path / "out", report=again.append, **cut).fates == summary.fates
    assert again == []
    assert (tmp_path / "out" / "manifest.csv").read_text() == before
    strict = {**cut, "sync": SyncCheck(trust=Trust(9, 9))}
    assert prepare(tmp_path / "in", tmp_path / "out", report=again.append, **strict).clips == 0
    assert all("moved by +0" in line for line in again)  # what is left out is cut as it was


@pytest.mark.slow
def test_another_expert_hears_the_sound_where_it_was(tmp_path, film, landmarker, monkeypatch):
    frames, (own, _) = film
    (tmp_path / "in").mkdir()
    write(tmp_path / "in" / "late.mp4", frames[:60], np.concatenate([np.zeros(6 * 640, np.float32), own]))
    monkeypatch.setattr(offset, "_expert", lambda folder: Ideal())
    cut = {"landmarker": landmarker, "sync": SyncCheck(trust=Trust(-1, -1))}  # believe anything
    prepare(tmp_path / "in", tmp_path / "out", **cut)
    record = next((tmp_path / "out" / "records").glob("*.json"))
    first = json.loads(record.read_text())
    told: list[str] = []
    monkeypatch.setattr(SyncCheck, "sha256", "another")
    prepare(tmp_path / "in", tmp_path / "out", report=told.append, **cut)
    second = json.loads(record.read_text())
    assert second["sync"]["expert"] == "another"
    assert second["sync"]["total"] == pytest.approx(first["sync"]["total"], rel=1e-5)  # float32, summed anew
    assert second["shift"] == first["shift"]
    assert len(told) == (3 if first["shift"] else 1)  # cut in place, compared, moved again


def test_an_expert_that_is_not_there_is_said(tmp_path):
    with pytest.raises(ConfigError, match="no sync expert"):
        SyncCheck(expert=tmp_path)
