"""Real people who talk on in the picture while nobody speaks: the shipped cores close their mouths."""

from dataclasses import replace

import numpy as np
import pytest

from lipsync.faces.references import scan
from lipsync.faces.tracking.choose import Choice
from lipsync.faces.tracking.face_view import views
from lipsync.faces.tracking.landmarks import mouth_opening
from lipsync.faces.tracking.track import FaceTracker
from lipsync.media import read_audio, read_frames
from lipsync.methods import METHODS, load_method
from lipsync.methods.base import Batch
from lipsync.methods.wav2lip.opening import measure
from lipsync.weights import hub


@pytest.mark.parametrize("name", ["multi-reference", "visual-dubbing"])
def test_lips_rest_while_the_face_in_the_clip_talks_on(name, shared, monkeypatch):
    monkeypatch.setenv("LIPSYNC_WEIGHTS", str(shared / "weights"))
    if not METHODS.get(name).ready:
        pytest.skip(f"needs the files of {name}")
    clip, landmarker = shared / "data" / "train" / "id019_clip01.mp4", hub.fetch("face_landmarker")
    method = load_method(name)
    tracker = FaceTracker(landmarker, 25.0, Choice(), blendshapes=method.blendshapes)
    tracked = views(tracker.track(read_frames(clip, 25.0, 48)), method.crop_size)
    seen = [view for _, view in tracked if view is not None][::6]
    tracker.close()
    references = [
        frame.view for frame in scan(clip, method.crop_size, method.references, landmarker, Choice())
    ]
    times = np.arange(len(seen)) * 0.24
    batch = Batch.of(seen, times, method.encode_audio(read_audio(clip)[:48_000]), references, 1.0)
    speaking = measure(method.synthesize(batch), landmarker)
    silent = measure(method.synthesize(replace(batch, activity=np.zeros(len(seen), np.float32))), landmarker)
    own = mouth_opening(batch.landmarks)
    assert silent.mean() < np.percentile(own, 25)
    assert silent.mean() < 0.8 * speaking.mean()
    assert silent.std() < 0.2 * own.std()
