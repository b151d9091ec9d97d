"""How far a mouth opens: the line by hand, then the shipped core on faces, measured by the landmarker."""

import numpy as np
import pytest
import torch

from lipsync.errors import ConfigError, FaceError
from lipsync.faces.references import choose
from lipsync.faces.tracking.choose import Choice
from lipsync.faces.tracking.face_view import views
from lipsync.faces.tracking.track import FaceTracker
from lipsync.media import read_audio, read_frames
from lipsync.methods import EMBEDDED, METHODS, load_method
from lipsync.methods.base import Batch
from lipsync.methods.wav2lip.opening import fit, measure
from lipsync.weights import hub

FACTORS = (0.6, 0.8, 1.0, 1.2, 1.4, 1.6)


def test_a_line_through_points_that_lie_on_one():
    # The opening grows by 0.1 with every step of (2, 0, -1); the third number, noise, does not matter.
    steps = torch.arange(10.0)
    heard = torch.stack([2 * steps, torch.ones(10), -steps], 1)
    opening = fit(heard, (0.1 * steps).numpy())
    torch.testing.assert_close(opening.direction, torch.tensor([20.0, 0.0, -10.0]))
    torch.testing.assert_close(opening.predicted(heard), 0.1 * steps, atol=1e-5, rtol=0)
    for factor in (0.5, 2.0):
        torch.testing.assert_close(
            opening.scaled(heard, factor), factor * heard + (1 - factor) * torch.tensor([0.0, 1.0, 0.0])
        )


def test_a_mouth_predicted_closed_stays_closed():
    heard = torch.arange(10.0)[:, None]
    opening = fit(heard, 0.1 * np.arange(10.0))
    shut = torch.tensor([[-5.0]])
    assert opening.predicted(shut) == 0
    torch.testing.assert_close(opening.scaled(shut, 1.6), shut)


def test_mouths_that_were_not_found_do_not_count_and_too_few_are_refused():
    heard = torch.arange(12.0)[:, None]
    gaps = 0.1 * np.arange(12.0)
    gaps[[0, 5]] = np.nan
    torch.testing.assert_close(fit(heard, gaps).predicted(heard[5]), torch.tensor(0.5), atol=1e-5, rtol=0)
    gaps[:5] = np.nan
    with pytest.raises(FaceError, match="could not be measured"):
        fit(heard, gaps)
    with pytest.raises(FaceError, match="could not be measured"):
        fit(heard, np.full(12, 0.2))


def drawn(face, voice, factor: float, landmarker, name: str = EMBEDDED, frames: int = 24) -> np.ndarray:
    """(B,) openings that a shipped core draws."""
    method = load_method(name)
    tracker = FaceTracker(landmarker, 25.0, Choice())
    seen = [(i, v) for i, v in views(tracker.track(read_frames(face, 25.0, frames)), method.crop_size) if v]
    tracker.close()
    crops = np.stack([view.crop for _, view in seen])
    crops = np.resize(crops, (frames, *crops.shape[1:]))  # a photo has one
    batch = Batch(
        faces=crops[::2],
        times=np.arange(0, frames, 2) / 25 + 0.4,
        speech=method.encode_audio(voice),
        references=np.stack([frame.view.crop for frame in choose(seen, method.references)]),
        mouth_opening=factor,
    )
    return measure(method.synthesize(batch), landmarker)


def rises(face, voice, landmarker, name: str = EMBEDDED, least: float = 0.1) -> None:
    """The gap grows with every factor, by ``least`` and more from 0.6 to 1, and from 1 to 1.6."""
    gaps = [np.nanmean(drawn(face, voice, factor, landmarker, name)) for factor in FACTORS]
    assert (np.diff(gaps) > 0).all(), gaps
    assert gaps[0] < (1 - least) * gaps[2] < (1 + least) * gaps[2] < gaps[-1], gaps


def test_the_shipped_core_opens_further_with_the_factor_on_the_example(shared):
    from lipsync.ui.uploads import EXAMPLES

    landmarker = shared / "weights" / "face_landmarker.task"
    rises(EXAMPLES / "portrait.jpg", read_audio(EXAMPLES / "english.wav")[:32000], landmarker)


@pytest.fixture(autouse=True)
def landmarker_here(shared, monkeypatch):
    monkeypatch.setenv("LIPSYNC_WEIGHTS", str(shared / "weights"))


def test_the_shipped_core_opens_further_with_the_factor_on_a_real_clip(shared):
    clip = shared / "data" / "train" / "id001_clip01.mp4"
    rises(clip, read_audio(clip)[:32000], shared / "weights" / "face_landmarker.task")


def test_the_multi_reference_core_opens_further_with_the_factor(shared):
    from lipsync.ui.uploads import EXAMPLES

    clip = shared / "data" / "train" / "id060_clip01.mp4"
    landmarker = shared / "weights" / "face_landmarker.task"
    rises(clip, read_audio(clip)[:32000], landmarker, "multi-reference")
    voice = read_audio(EXAMPLES / "english.wav")[:32000]
    rises(EXAMPLES / "portrait.jpg", voice, landmarker, "multi-reference")


def test_without_the_landmarker_a_sentence_says_what_is_missing(monkeypatch, shared):
    from lipsync.ui.uploads import EXAMPLES

    monkeypatch.setattr(hub, "locate", lambda name: None)
    with pytest.raises(ConfigError, match="with the face landmarker"):
        drawn(EXAMPLES / "portrait.jpg", read_audio(EXAMPLES / "english.wav")[:16000], 1.3,
              shared / "weights" / "face_landmarker.task")  # fmt: skip


def test_the_menu_knows_what_the_loaded_method_can():
    for name in METHODS:
        entry = METHODS.get(name)
        if entry.ready:
            assert entry.method().supports_mouth_opening == entry.card.supports_mouth_opening, name
