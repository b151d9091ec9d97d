"""Semantic images: one still face, lip-synced to the speech by a Wav2Lip core (section 3.2)."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from lipsync.methods.base import Batch, LipSyncMethod

CORE = "mcsawav2lip-embedded"  # ships with the project
AT_ONCE = 32  # frames per call of the core


class SemanticImages:
    """Pictures of one face for a stretch of speech, by a core of the Wav2Lip family.

    A still face instead of the frames of the video: the pictures can then be drawn for any stretch of
    the speech before its frames are read, and show nothing but the speech.

    Args:
        core: None loads the one that ships.
        mouth_only: give the mouth's square (the lower middle quarter) alone.
    """

    def __init__(self, core: LipSyncMethod | None = None, mouth_only: bool = False):
        if core is None:
            from lipsync.methods import load_method

            core = load_method(CORE)
        self.core, self.mouth_only = core, mouth_only

    def encode_audio(self, samples: np.ndarray) -> Any:
        """What :meth:`draw` takes as ``speech``, of (N,) mono 16 kHz samples."""
        return self.core.encode_audio(samples)

    def draw(self, still: np.ndarray, speech: Any, times: np.ndarray) -> np.ndarray:
        """(T, s, s, 3) uint8 of a still face (S, S, 3) uint8 at ``times`` (T,) seconds of the speech."""
        size = self.core.crop_size
        face = cv2.resize(still, (size, size), interpolation=cv2.INTER_AREA)
        references = np.repeat(face[None], max(1, self.core.references), 0)
        drawn = [
            self.core.synthesize(
                Batch(
                    faces=np.repeat(face[None], len(part), 0),
                    times=part,
                    speech=speech,
                    references=references,
                )
            )
            for part in np.split(times, range(AT_ONCE, len(times), AT_ONCE))
        ]
        pictures = np.concatenate(drawn)
        if self.mouth_only:
            pictures = pictures[:, size // 2 :, size // 4 : size - size // 4]
        return pictures
