"""Live mode against the pipeline: the same frames, only sooner."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest

from lipsync.assets import asset
from lipsync.audio import RATE
from lipsync.audio.activity import LIVE_PAUSE, find_speech, needed_context
from lipsync.errors import ConfigError, FaceError
from lipsync.generate import Request, generate
from lipsync.live import MOST, Live, _back_and_forth
from lipsync.media import VideoWriter, read_audio, read_frames
from lipsync.methods import EMBEDDED, load_method

EXAMPLES = asset("examples")


@pytest.fixture(scope="module")
def voice() -> np.ndarray:
    """(44800,) 2.8 s of real speech."""
    return read_audio(EXAMPLES / "english.wav")[8000:52800]


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    """Ten frames of a portrait that moves: a short video plays back and forth."""
    from skimage.data import astronaut

    path = tmp_path_factory.mktemp("live") / "clip.mp4"
    with VideoWriter(path, 256, 256, 25) as writer:
        for k in range(10):
            writer.write(np.ascontiguousarray(astronaut()[20 + k : 276 + k, 90:346]))
    return path


def pieces(samples: np.ndarray, seconds: float) -> list[np.ndarray]:
    return np.array_split(samples, int(np.ceil(len(samples) / RATE / seconds)))


@pytest.mark.parametrize("seconds", [0.2, pytest.param(0.75, marks=pytest.mark.minutes)])
def test_equals_the_offline_result(seconds, clip, voice, tmp_path, monkeypatch):
    import soundfile

    # Lips rest in shorter pauses when live: it cannot wait until it knows how long they are.
    monkeypatch.setattr("lipsync.generate.find_speech", partial(find_speech, pause=LIVE_PAUSE))
    soundfile.write(tmp_path / "voice.wav", voice, RATE)
    made = generate(Request(clip, tmp_path / "voice.wav", tmp_path / "out.mp4", EMBEDDED, label=False))
    offline = np.stack([frame.image for frame in read_frames(made.path)]).astype(float)
    live = Live(clip, load_method(EMBEDDED))
    frames = [frame for piece in pieces(voice, seconds) for frame in live.push(piece)] + live.finish()
    assert len(frames) == len(offline) == 70
    error = np.sqrt(((np.stack(frames) - offline) ** 2).mean((1, 2, 3)))
    assert error.max() < 3, "no more than the codec takes"
    # Speech moves the mouth by more than that: one frame late is another video.
    late = np.sqrt(((np.stack(frames)[:-1] - offline[1:]) ** 2).mean((1, 2, 3)))
    assert late.mean() > 1.2 * error.mean()


def test_what_covers_the_mouth_stays_as_it_is(clip, voice, tmp_path):
    frames = [frame.image for frame in read_frames(clip)]
    with VideoWriter(tmp_path / "covered.mp4", 256, 256, 25) as writer:
        for frame in frames:
            cv2.rectangle(frame, (90, 98), (185, 255), (225, 230, 235), -1)
            writer.write(frame)
    before = next(read_frames(tmp_path / "covered.mp4")).image.astype(int)
    live = Live(tmp_path / "covered.mp4", load_method(EMBEDDED))
    first = (live.push(voice) + live.finish())[0]
    assert np.abs(first - before)[103:, 95:180].max() < 3


def test_equals_one_piece_whatever_the_pieces(clip, voice):
    voice = np.concatenate([voice, voice[::-1]])  # long enough for some of it to be forgotten
    whole, parts = Live(clip, load_method(EMBEDDED)), Live(clip, load_method(EMBEDDED))
    at_once = np.stack(whole.push(voice) + whole.finish()).astype(int)
    rng = np.random.default_rng(0)
    cuts = np.sort(rng.choice(np.arange(1, len(voice)), 9, replace=False))
    frames = [frame for piece in np.split(voice, cuts) for frame in parts.push(piece)] + parts.finish()
    assert parts._begin > 0, "speech long heard is forgotten"
    # Another batch size rounds differently in bfloat16.
    difference = np.abs(np.stack(frames).astype(int) - at_once)
    assert difference.mean() < 0.05
    assert difference.max() <= 16


def test_a_frame_comes_as_soon_as_its_speech_is_known(voice):
    method = load_method(EMBEDDED)
    live = Live(EXAMPLES / "portrait.jpg", method)
    known = needed_context(LIVE_PAUSE)[1]  # to know that somebody speaks takes longer
    assert live.wait == known > method.audio_lookahead > 0.2
    done, heard = 0, 0
    for piece in pieces(voice[:16000], 0.04):
        heard += len(piece)
        done += len(live.push(piece))
        assert done == max(0, int((heard / RATE - live.wait) * live.fps + 1e-6) + 1) * (
            heard / RATE >= live.wait
        )
    done += len(live.finish())
    assert done == 25


def test_no_frame_depends_on_speech_after_its_wait(voice):
    method = load_method(EMBEDDED)
    live = Live(EXAMPLES / "portrait.jpg", method)
    other = voice.copy()
    end = 1.0 + live.wait  # what follows must not matter for frame 25
    other[round(end * RATE) :] = np.random.default_rng(0).normal(0, 0.3, len(voice) - round(end * RATE))
    crops = [
        np.stack(Live(EXAMPLES / "portrait.jpg", load_method(EMBEDDED)).push(samples))[:26].astype(int)
        for samples in (voice, other)
    ]
    assert np.abs(crops[0] - crops[1]).max() <= 1


def test_a_video_plays_back_and_forth():
    assert [_back_and_forth(n, 4) for n in range(9)] == [0, 1, 2, 3, 2, 1, 0, 1, 2]
    assert [_back_and_forth(n, 1) for n in range(3)] == [0, 0, 0]
    assert [_back_and_forth(n, 2) for n in range(4)] == [0, 1, 0, 1]


def test_a_method_that_must_hear_the_future_is_refused():
    method = load_method(EMBEDDED)
    method.audio_lookahead = MOST + 0.1
    with pytest.raises(ConfigError, match="needs more of the speech in advance"):
        Live(EXAMPLES / "portrait.jpg", method)


def test_a_picture_without_a_face_is_refused(tmp_path):
    path = tmp_path / "grey.png"
    cv2.imwrite(str(path), np.full((200, 200, 3), 128, np.uint8))
    with pytest.raises(FaceError, match=r"No human face was found in grey\.png"):
        Live(path, load_method(EMBEDDED))


def test_the_multi_reference_network_says_how_far_it_hears(voice):
    from lipsync.audio.selector import select
    from lipsync.methods.multi_reference.infer import MultiReferenceMethod
    from lipsync.methods.multi_reference.model import MultiReference
    from tests.methods.test_multi_reference import SMALL

    method = MultiReferenceMethod(load_method(EMBEDDED).card, MultiReference(SMALL), "0" * 64)
    audio = method.config.audio
    assert method.audio_lookahead < MOST, "it can speak live"

    def heard(cut: float) -> np.ndarray:
        """What frame 25 hears where the speech is another one from second ``cut`` on."""
        other = voice.copy()
        other[round(cut * RATE) :] *= -0.2
        return select(method.encode_audio(other), audio.rate, np.array([1.0]), audio.count, audio.spacing)

    whole = heard(9.0)
    np.testing.assert_allclose(heard(1.0 + method.audio_lookahead), whole, atol=1e-5)
    assert np.abs(heard(1.0 + method.audio_lookahead - 0.15) - whole).max() > 1e-4
