"""A loss for generators: do the lips they draw move as the lip-motion expert expects of the speech?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from lipsync.audio.speech_input import SpeechInput
from lipsync.data.clips import Clip
from lipsync.data.speech_stretches import SpeechStretches
from lipsync.experts.frozen import load_frozen
from lipsync.experts.lip_motion import LipMotion
from lipsync.experts.sync_expert import WINDOW
from lipsync.faces.tracking.landmarks import LIP_POINTS_MIRRORED, lip_points


class LipMotionLoss:
    """1 - cosine of drawn lips and their speech, by a frozen lip-motion expert.

    Five frames do not show a person's mean mouth; it is measured on the real frames around them.

    Args:
        folder: of the expert.
        encoder_weights: local folder of its speech encoder's weights; "" fetches them.

    Raises:
        ConfigError: the folder holds no expert.
        ArtefactError: its speech encoder is unavailable.
    """

    def __init__(self, folder: str, encoder_weights: str = ""):
        self.net = load_frozen(LipMotion, folder, "train.no_lip_motion")
        config = self.net.config
        speech = SpeechInput(config.encoder, config.dimension, config.rate, count=config.count)
        self._speech = SpeechStretches(speech, encoder_weights)
        self._points: dict[str, np.ndarray] = {}  # (T, P, 2) by clip

    def inputs(
        self, clips: Sequence[Clip], first: Sequence[int], frames: int, mirrored: Sequence[bool]
    ) -> dict[str, Tensor]:
        """What the loss needs besides pictures, for one window of each clip.

        Args:
            first: frame at which each window begins.
            frames: T >= 5, of a window.
            mirrored: whether its pictures are.

        Returns:
            ``neutral`` (W, 2 P), ``motion_speech`` (W, 2 N + F - 2, D) for the N = T - 4 places of a window.
        """
        windows = frames - WINDOW + 1
        wanted = 2 * windows + self.net.config.count - 2
        neutral, speech = [], []
        for clip, start, flipped in zip(clips, first, mirrored, strict=True):
            points = self._neutral(clip, start + frames // 2)
            neutral.append((points * [-1, 1])[list(LIP_POINTS_MIRRORED)] if flipped else points)
            speech.append(self._speech.stretch(clip, start + WINDOW // 2, windows)[:wanted])
        return {
            "neutral": torch.from_numpy(np.stack(neutral).astype(np.float32)).flatten(1),
            "motion_speech": torch.from_numpy(np.stack(speech)),
        }

    def _neutral(self, clip: Clip, middle: int) -> np.ndarray:
        """(P, 2) mean of the frames around one."""
        if clip.name not in self._points:
            self._points[clip.name] = lip_points(clip.landmarks)
        points, around = self._points[clip.name], self.net.config.around
        start = min(max(middle - around // 2, 0), max(len(points) - around, 0))
        return points[start : start + around].mean(0)

    def __call__(self, crops: Tensor, neutral: Tensor, speech: Tensor) -> Tensor:
        """(W, N) 0..2 of drawn crops (W, T, 3, S, S), 0..1; the others are of :meth:`inputs`."""
        points = self.net.read_points(crops.flatten(0, 1).float()).unflatten(0, crops.shape[:2])
        return 1 - (self.net.embed_lips(points, neutral) * self.net.embed_speech(speech)).sum(-1)
