"""Measures that are computed on request, in the pass: each tells a real clip from a degraded copy of it."""

import wave
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from eval.functional.distribution.fid import fid
from eval.functional.face.identity_drift import identity_drift
from eval.functional.mouth.lip_dynamics import lip_dynamics
from eval.functional.picture.flicker import flicker_compute, flicker_update
from eval.scoring.controls import Control
from eval.scoring.networks import Networks, load_networks
from eval.scoring.pair import PairBatch, look
from eval.scoring.score import score
from lipsync.faces.tracking.track import FaceTracker
from lipsync.media import VideoWriter, WriterOptions, read_frames

CLIP, FRAMES = "train/id003_clip01.mp4", 52
MEASURES = ("flicker", "lip_dynamics", "identity_drift", "lipleak", "fvd")
STILL = Control("still frame", still=True)


class Brightness:
    """In the place of I3D: two simple figures of every clip, padded to as many as I3D has."""

    def __call__(self, clips: np.ndarray) -> np.ndarray:
        assert clips.shape[1:] == (16, 256, 256, 3)
        means = clips.mean((2, 3, 4))
        return np.pad(np.stack([means.mean(1), means.std(1)], 1), ((0, 0), (0, 398))).astype(np.float32)


@pytest.fixture(scope="module")
def networks(weights) -> Networks:
    found = load_networks(MEASURES)
    return replace(
        found, loaded={**found.loaded, "fvd": Brightness()},
        missing={name: why for name, why in found.missing.items() if name != "fvd"},
    )  # fmt: skip


@pytest.fixture(scope="module")
def clip(cut) -> Path:
    return cut(CLIP, FRAMES)


@pytest.fixture(scope="module")
def grainy(clip, tmp_path_factory) -> Path:
    """The clip under noise that differs from frame to frame, with a silent sound."""
    folder = tmp_path_factory.mktemp("grainy")
    with wave.open(str(folder / "silence.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(bytes(2 * 640 * FRAMES))
    rng, path = np.random.default_rng(0), folder / "grainy.mp4"
    options = WriterOptions(duration=FRAMES / 25, crf=6)
    with VideoWriter(path, 256, 256, 25, folder / "silence.wav", options) as writer:
        for frame in read_frames(clip):
            noise = rng.normal(0, 6, (256, 256, 1))
            writer.write(np.clip(frame.image + noise, 0, 255).astype(np.uint8))
    return path


@pytest.fixture(scope="module")
def kept() -> dict[str, list[np.ndarray]]:
    return {}


@pytest.fixture(scope="module")
def scored(grainy, clip, networks, kept):
    def keep(generated: np.ndarray, reference: np.ndarray, kind: str = "") -> None:
        kept.setdefault(kind, []).append(np.stack([generated, reference]))

    return score(grainy, clip, metrics=MEASURES, networks=networks, keep_features=keep)


@pytest.fixture(scope="module")
def whole(grainy, clip, weights) -> PairBatch:
    """All frames of both at once."""
    sides = []
    for path in (grainy, clip):
        tracker = FaceTracker(weights / "face_landmarker.task", 25)
        sides.append(list(tracker.track(read_frames(path, fps=25))))
        tracker.close()
    return PairBatch([look(*pair, "face") for pair in zip(*sides, strict=True)], "face")


def test_numbers_are_those_of_the_functions_on_all_frames_at_once(scored, whole, networks, kept):
    lips = [points[:, 48:60] - (64, 112) for points in whole.landmarks_in_region]
    mouths = whole.faces[:, :, 112:240, 64:192]
    flickers = [flicker_update(*side) for side in zip(mouths, lips, strict=True)]
    assert scored["flicker"] == pytest.approx(flicker_compute(*flickers).ratio)
    column = [row["flicker_generated"] for row in scored.frames]
    np.testing.assert_allclose(np.array(column, float), flickers[0])
    assert scored["lip_dynamics"] == pytest.approx(lip_dynamics(*whole.meshes))
    embeddings = whole.embed(networks.loaded["csim"], 0)
    assert scored["identity_drift"] == pytest.approx(identity_drift(embeddings))
    assert scored.scores["identity_drift"].frames == 3  # seconds, the last one of two frames
    assert "; seconds 3; skipped 0" in scored.scores["identity_drift"].protocol
    clips = [Brightness()(np.stack([side[t : t + 16] for t in (0, 16, 32)])) for side in whole.faces]
    assert scored["fvd"] == pytest.approx(fid(*clips))
    assert "; clips 3; skipped 4" in scored.scores["fvd"].protocol
    assert any(note.startswith("FVD over 3 clips") for note in scored.notes)
    np.testing.assert_allclose(np.concatenate(kept["clips"], 1), clips)


def test_degraded_copies_are_told_from_the_clip(scored, clip, networks):
    real = score(clip, clip, metrics=("flicker", "lip_dynamics", "identity_drift"), networks=networks)
    still = score(clip, clip, metrics=("lip_dynamics", "identity_drift"), networks=networks, control=STILL)
    assert real["flicker"] == 1 < 1.3 < scored["flicker"]
    assert real["lip_dynamics"] == 1 > scored["lip_dynamics"] > still["lip_dynamics"]
    assert still["lip_dynamics"] == pytest.approx(0, abs=0.05)
    # The picture stands, but is cut where the face of the reference moves.
    assert real["identity_drift"] > 2 * still["identity_drift"]


def test_lipleak_is_of_silent_sounds_alone(scored, clip, networks, whole):
    """The grainy copy speaks on although its sound is silent; the clip itself speaks with its speech."""
    ours, theirs = whole.openings
    rest = np.quantile(theirs, 0.25)
    assert scored["lipleak"] == pytest.approx((ours > rest + 0.03).mean())
    assert scored["lipleak"] > 0.3
    assert scored.scores["lipleak"].detail["rest"] == pytest.approx(rest)
    spoken = score(clip, clip, metrics=("lipleak", "lip_dynamics"), networks=networks)
    assert spoken["lipleak"] is None
    assert "the sound is not silent: somebody speaks for" in spoken.scores["lipleak"].reason


def test_a_video_alone_has_a_drift(clip, networks, scored):
    alone = score(clip, metrics=("identity_drift",), networks=networks)
    assert 0 < alone["identity_drift"] < 0.3
    assert list(alone.frames[0]) == ["frame", "time", "reason"]
