"""Synthetic people whose mouth opening follows the loudness of their voice."""

from pathlib import Path

import cv2
import numpy as np

from lipsync.audio.mel import mel_spectrogram
from lipsync.faces.landmarks import (
    EYE_LEFT,
    EYE_RIGHT,
    LIP_LOWER_INNER,
    LIP_UPPER_INNER,
    MOUTH_LEFT,
    MOUTH_RIGHT,
    NOSE_TIP,
)
from lipsync.training.data import STORED, Clip

MOUTH = (64, 92)  # pixels of a stored crop
EYES = ((46, 50), (82, 50))


def toy_clip(name: str, identity: str = "", frames: int = 75, seed: int = 0, split: str = "train") -> Clip:
    """A clip in memory: a dark mouth on a coloured square opens with a noise burst."""
    rng = np.random.default_rng(seed)
    steps = rng.uniform(0, 1, frames // 3 + 2)  # a new loudness every three frames
    opening = np.interp(np.arange(frames) / 3, np.arange(len(steps)), steps)
    colour = rng.integers(110, 230, 3).tolist()
    faces = np.empty((frames, STORED, STORED, 3), np.uint8)
    landmarks = np.zeros((frames, 478, 2), np.float32)
    landmarks[:] = (64, 64)
    for frame, wide in enumerate(opening):
        picture = np.full((STORED, STORED, 3), colour, np.uint8)
        for eye in EYES:
            cv2.circle(picture, eye, 5, (20, 20, 20), -1)
        cv2.ellipse(picture, MOUTH, (18, 1 + int(13 * wide)), 0, 0, 360, (60, 10, 10), -1)
        faces[frame] = picture
        points = landmarks[frame]
        points[list(EYE_LEFT)], points[list(EYE_RIGHT)] = EYES
        points[[MOUTH_LEFT, MOUTH_RIGHT]] = ((46, 92), (82, 92))
        points[[LIP_UPPER_INNER, LIP_LOWER_INNER]] = ((64, 92 - 13 * wide), (64, 92 + 13 * wide))
        points[[0, 17]] = ((64, 90 - 13 * wide), (64, 94 + 13 * wide))
        points[NOSE_TIP], points[152] = (64, 70), (64, 112)
    # A window is heard from its first frame on, so the loudness at a time is that frame's opening.
    envelope = np.interp(np.arange(frames * 640) / 640, np.arange(frames), opening)
    sound = rng.standard_normal(frames * 640) * 0.2 * 10 ** (-2 + 2 * envelope)
    clip = Clip(name, identity or name, split, Path("nowhere"), frames)
    clip.__dict__.update(faces=faces, landmarks=landmarks, mel=mel_spectrogram(sound.astype(np.float32)))
    return clip
