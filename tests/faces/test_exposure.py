"""Fades and flashes: what the references show, and that drawn mouths follow the frame's own exposure."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from lipsync.assets import asset
from lipsync.faces.exposure import Exposure, as_references, grey_levels
from lipsync.faces.references import EXPOSED, Look, choose_for_use, scan, usable
from lipsync.faces.tracking.choose import Choice
from lipsync.faces.tracking.face_view import FaceView
from lipsync.generate import Request, generate
from lipsync.media import VideoWriter, read_frames
from lipsync.methods import EMBEDDED

EXAMPLES = asset("examples")
FRAMES = 40


def fade(k: int) -> float:
    """Brightness of frame k: one second from black."""
    return min(1.0, k / 25)


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> tuple[Path, Path]:
    """The example, and the same with a fade-in, without loss that would differ between dark and bright."""
    folder = tmp_path_factory.mktemp("fade")
    plain, faded = folder / "plain.mp4", folder / "faded.mp4"
    first = next(read_frames(EXAMPLES / "portrait.mp4")).image
    size = (first.shape[1], first.shape[0])
    with VideoWriter(plain, *size, 25) as one, VideoWriter(faded, *size, 25) as other:
        for frame in read_frames(EXAMPLES / "portrait.mp4", 25.0, FRAMES):
            one.write(frame.image)
            other.write((frame.image * fade(frame.index)).astype(np.uint8))
    return plain, faded


def crop() -> np.ndarray:
    from skimage.data import astronaut

    return np.ascontiguousarray(cv2.resize(astronaut()[60:220, 145:305], (128, 128)))


def as_view(picture: np.ndarray) -> FaceView:
    return FaceView(picture, None, None)


@pytest.mark.parametrize("gain", [1.0, 0.9, 1.1])
def test_ordinary_light_changes_nothing(gain):
    picture = np.clip(crop() * gain, 0, 255).astype(np.uint8)
    (view,), (difference,) = as_references([as_view(picture)], [as_view(crop())])
    assert difference == Exposure(1.0, 0.0)
    assert view.crop is picture
    assert difference.applied(picture) is picture


@pytest.mark.parametrize(("gain", "white"), [(0.5, 0), (0.25, 0), (0.4, 0.6), (2.5, 0)])
def test_a_fade_or_a_flash_is_taken_out_and_put_back(gain, white):
    """Fades to black and to white, and a flash that burns out most of the picture."""
    usual = crop()
    picture = np.clip(usual * gain + 255 * white, 0, 255).astype(np.uint8)
    (view,), (difference,) = as_references([as_view(picture)], [as_view(usual)])
    before = np.abs(grey_levels(picture) - grey_levels(usual)).mean()
    assert np.abs(grey_levels(view.crop) - grey_levels(usual)).mean() < 0.6 * before
    assert np.abs(difference.applied(view.crop).astype(int) - picture).mean() < 4


def test_a_fade_begins_without_a_step():
    usual = grey_levels(crop())
    found = [Exposure.between(usual * gain, usual) for gain in np.linspace(1, 0.3, 200)]
    for values in ([e.contrast for e in found], [e.level for e in found]):
        assert np.abs(np.diff(values)).max() < 0.05 * np.ptp(values)


def test_frames_in_a_fade_or_a_flash_are_no_references():
    brightness = [10.0, 60.0, 100 / EXPOSED - 1, 100.0, 95.0, 105.0, 100.0, 100 * EXPOSED + 9]
    looks = [Look(0.1 * k, 1.0, 0.0, value) for k, value in enumerate(brightness)]
    assert usable(looks).tolist() == [3, 4, 5, 6]
    assert choose_for_use(looks, 1) == [5]


@pytest.mark.parametrize("count", [1, 3])
def test_references_of_a_clip_that_fades_in_are_as_bright_as_the_clip(clips, landmarker, count):
    plain, faded = (scan(clip, 128, count, landmarker, Choice()) for clip in clips)
    for one, other in zip(plain, faded, strict=True):
        usual, shown = grey_levels(one.view.crop).mean(), grey_levels(other.view.crop).mean()
        assert shown > usual / EXPOSED


def test_the_mouth_fades_in_with_its_frame(clips, tmp_path):
    """Every core draws from references of the whole video: in the fade as it does without, only darker."""
    results = []
    for clip in clips:
        voice, output = EXAMPLES / "english.wav", tmp_path / clip.name
        results.append(generate(Request(clip, voice, output, EMBEDDED, length="video", label=False)))
    assert all(reference.time > 0.6 for reference in results[1].references)
    plain, faded = ([f.image.astype(float) for f in read_frames(result.path)] for result in results)
    x0, y0, x1, y1 = results[1].references[0].box
    mouth = (slice((y0 + y1) // 2, y1), slice(x0, x1))
    apart = [faded[k][mouth] / fade(k) - plain[k][mouth] for k in range(4, 40, 4)]
    unlike = [np.abs(cv2.GaussianBlur(each, (0, 0), 3)).mean() for each in apart]
    assert max(unlike) < 9, "in the fade"
    assert max(unlike[-3:]) < 2.5, "and after it"
