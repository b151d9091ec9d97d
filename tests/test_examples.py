"""The bundled examples are what the first click and ``make demo`` run on."""

import av
import cv2
import numpy as np
import pytest
import soundfile

from lipsync.assets import asset

EXAMPLES = asset("examples")


def _haar_faces(rgb: np.ndarray) -> int:
    cascade = cv2.CascadeClassifier(cv2.data.haarcascades + "haarcascade_frontalface_default.xml")
    return len(cascade.detectMultiScale(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), 1.1, 6, minSize=(60, 60)))


def test_photo_shows_one_face() -> None:
    photo = cv2.cvtColor(cv2.imread(str(EXAMPLES / "portrait.jpg")), cv2.COLOR_BGR2RGB)
    assert photo.shape == (640, 640, 3)
    assert _haar_faces(photo) == 1


def test_video_plays_everywhere_and_moves() -> None:
    with av.open(str(EXAMPLES / "portrait.mp4")) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]
    assert len(frames) == 125
    assert all(_haar_faces(frame) == 1 for frame in frames[::40])
    assert np.abs(frames[0].astype(int) - frames[40]).mean() > 3  # grey levels: the camera moves


@pytest.mark.parametrize("name", ["english.wav", "chinese.wav"])
def test_speech_is_short_loud_and_not_clipped(name: str) -> None:
    samples, rate = soundfile.read(EXAMPLES / name)
    assert (rate, samples.ndim) == (16000, 1)
    assert 3 < len(samples) / rate < 6
    assert np.sqrt(np.mean(samples**2)) > 0.05
    assert np.abs(samples).max() < 1


def test_examples_are_small_and_each_states_its_source() -> None:
    files = [path for path in EXAMPLES.iterdir() if path.name != "README.md"]
    assert sum(path.stat().st_size for path in files) < 1_000_000
    readme = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert [path.name for path in files if f"`{path.name}`" not in readme] == []
