"""A run uses the parts of face video and speech that are asked for, picture and sound together."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest

from lipsync.assets import asset
from lipsync.audio import RATE
from lipsync.cli import main
from lipsync.errors import LipSyncError
from lipsync.generate import Request as AnyRequest
from lipsync.generate import generate
from lipsync.media import VideoWriter, probe, read_audio, read_frames
from lipsync.methods import EMBEDDED

EXAMPLES = asset("examples")
Request = partial(AnyRequest, method=EMBEDDED)


def test_only_the_parts_asked_for_are_used(tmp_path):
    """A face that flashes white now and then, and speech: both from where they are asked for."""
    face = tmp_path / "face.mp4"
    shown = [frame.image for frame in read_frames(EXAMPLES / "portrait.mp4", max_frames=50)]
    with VideoWriter(face, 384, 384, 25.0, EXAMPLES / "english.wav") as writer:
        for number, image in enumerate(shown):
            image[:8] = 255 * (number == 30)  # above the face
            writer.write(image)
    part = generate(
        Request(face, EXAMPLES / "english.wav", tmp_path / "part.mp4", face_range=(0.8, 1.6),
                audio_range=(1.1, 1.7))
    )  # fmt: skip
    assert part.frames == 15
    flashes = [int(frame.image[:4].mean() > 128) for frame in read_frames(part.path)]
    assert flashes == [int(number == 10) for number in range(15)]
    sound, whole = read_audio(part.path)[1000:8000], read_audio(EXAMPLES / "english.wav")
    place = np.correlate(whole, sound, "valid").argmax() - 1000
    assert place / RATE == pytest.approx(1.1, abs=0.003)
    assert all(0.8 <= reference.time < 1.6 for reference in part.references)
    own = generate(Request(face, None, tmp_path / "own.mp4", face_range=(0.8, 1.6)))
    assert own.frames == 20
    assert int(np.argmax([frame.image[:4].mean() for frame in read_frames(own.path)])) == 10
    place = np.correlate(whole, read_audio(own.path)[1000:8000], "valid").argmax() - 1000
    assert place / RATE == pytest.approx(0.8, abs=0.003)


@pytest.mark.parametrize(
    ("wishes", "sentence"),
    [
        ({"face_range": (2.0, 1.0)}, "face_range must be a start of 0 s or more and an end at least 0.1 s"),
        ({"audio_range": (-1.0, 1.0)}, "audio_range must be a start"),
        ({"face_range": (7.0, 9.0)}, "portrait.mp4 lasts 5.0 s, so it cannot be used from 7 s on"),
        ({"audio_range": (30.0, 31.0)}, "english.wav has no sound after 30 s"),
        ({"audio": None, "audio_range": (0.0, 1.0)}, "With the video's own sound, face_range cuts both"),
        ({"face": EXAMPLES / "portrait.jpg", "face_range": (0.0, 1.0)}, "is a photo"),
    ],
)
def test_impossible_parts_are_one_sentence(wishes, sentence, tmp_path):
    given = {"face": EXAMPLES / "portrait.mp4", "audio": EXAMPLES / "english.wav", **wishes}
    if given["audio"] is None:
        given["face"] = say_video(tmp_path / "spoken.mp4")
    with pytest.raises(LipSyncError, match=sentence):
        generate(Request(output=tmp_path / "out.mp4", **given))


def say_video(path: Path) -> Path:
    """A short video with sound."""
    with VideoWriter(path, 64, 64, 25.0, EXAMPLES / "english.wav") as writer:
        for _ in range(10):
            writer.write(np.zeros((64, 64, 3), np.uint8))
    return path


def test_the_command_line_takes_the_parts(tmp_path):
    given = ["--face", str(EXAMPLES / "portrait.mp4"), "--audio", str(EXAMPLES / "english.wav")]
    given += ["--method", EMBEDDED, "--face-range", "1", "2", "--audio-range", "0.5", "inf"]
    main(["generate", *given, "--length", "video", "--out", str(tmp_path / "out.mp4")])
    assert probe(tmp_path / "out.mp4").frames == 25
    place = np.correlate(
        read_audio(EXAMPLES / "english.wav"), read_audio(tmp_path / "out.mp4")[1000:8000], "valid"
    ).argmax()
    assert (place - 1000) / RATE == pytest.approx(0.5, abs=0.003)
