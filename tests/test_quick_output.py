"""What makes the pipeline quick does not change the picture."""

from __future__ import annotations

import numpy as np
import pytest

from lipsync import generate as pipeline
from lipsync.assets import asset
from lipsync.faces import FaceTracker
from lipsync.media import VideoWriter, read_frames
from lipsync.methods import EMBEDDED
from lipsync.request import Request


def drawn(request: Request, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    """(T, H, W, 3) frames as they are handed to the encoder."""
    frames: list[np.ndarray] = []
    write = VideoWriter.write

    def noted(self: VideoWriter, image: np.ndarray) -> None:
        frames.append(image.copy())
        write(self, image)

    with monkeypatch.context() as patch:
        patch.setattr(VideoWriter, "write", noted)
        pipeline.generate(request)
    return np.stack(frames)


@pytest.mark.parametrize("method", [EMBEDDED, "visual-dubbing"])
def test_the_mouth_is_that_of_the_plain_way(method, shared, landmarker, tmp_path, monkeypatch):
    """In single precision, with a look at each frame: 45 dB of PSNR or more where either changes anything."""
    face = shared / "data/originals/orig03.mp4"
    voice = asset("examples", "english.wav")
    request = Request(
        face, voice, tmp_path / "out.mp4", method, face_range=(0.0, 0.8), length="video", label=False
    )
    quick = drawn(request, monkeypatch)

    class EveryFrame(FaceTracker):
        def __init__(self, *inputs, **options):
            super().__init__(*inputs, **{**options, "every": 1})

    with monkeypatch.context() as patch:
        patch.setattr(pipeline, "FaceTracker", EveryFrame)
        for module in ("wav2lip", "visual_dubbing"):
            patch.setattr(f"lipsync.methods.{module}.infer.supports_bfloat16", lambda device: False)
        plain = drawn(request, monkeypatch)

    source = np.stack([frame.image for frame in read_frames(face, 25.0, len(quick))]).astype(int)
    changed = (np.abs(quick - source) > 2).any(-1) | (np.abs(plain - source) > 2).any(-1)
    assert changed.any((1, 2)).all(), "each frame is drawn"
    error = np.square(quick[changed].astype(float) - plain[changed]).mean()
    assert 10 * np.log10(255**2 / error) >= 45
