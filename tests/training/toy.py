"""Synthetic people whose mouth opening follows the loudness of their voice."""

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import soundfile

from lipsync.audio.mel import mel_spectrogram
from lipsync.data.clips import STORED, Clip
from lipsync.faces.tracking.landmarks import (
    EYE_LEFT,
    EYE_RIGHT,
    LIP_LOWER_INNER,
    LIP_UPPER_INNER,
    MOUTH_LEFT,
    MOUTH_RIGHT,
    NOSE_TIP,
)
from lipsync.media import VideoWriter

# Pixels of a stored crop: the mouth stands in the middle of the lower half that networks look at.
MOUTH = (STORED // 2, round(0.72 * STORED))
EYES = tuple((round(x * STORED), round(0.39 * STORED)) for x in (0.36, 0.64))
WIDE, HIGH = round(0.14 * STORED), round(0.1 * STORED)  # half the width, half the height at its widest


def toy_clip(name: str, identity: str = "", frames: int = 75, seed: int = 0, split: str = "train") -> Clip:
    """A clip in memory: a dark mouth on a coloured square opens with a noise burst."""
    rng = np.random.default_rng(seed)
    steps = rng.uniform(0, 1, frames // 3 + 2)  # a new loudness every three frames
    opening = np.interp(np.arange(frames) / 3, np.arange(len(steps)), steps)
    colour = rng.integers(110, 230, 3).tolist()
    faces = np.empty((frames, STORED, STORED, 3), np.uint8)
    landmarks = np.zeros((frames, 478, 2), np.float32)
    landmarks[:] = STORED / 2
    for frame, wide in enumerate(opening):
        picture = np.full((STORED, STORED, 3), colour, np.uint8)
        for eye in EYES:
            cv2.circle(picture, eye, 5, (20, 20, 20), -1)
        cv2.ellipse(picture, MOUTH, (WIDE, 1 + int(HIGH * wide)), 0, 0, 360, (60, 10, 10), -1)
        faces[frame] = picture
        points = landmarks[frame]
        points[list(EYE_LEFT)], points[list(EYE_RIGHT)] = EYES
        x, y, gap = *MOUTH, HIGH * wide
        points[[MOUTH_LEFT, MOUTH_RIGHT]] = ((x - WIDE, y), (x + WIDE, y))
        points[[LIP_UPPER_INNER, LIP_LOWER_INNER]] = ((x, y - gap), (x, y + gap))
        points[[0, 17]] = ((x, y - 2 - gap), (x, y + 2 + gap))
        points[NOSE_TIP], points[152] = (x, 0.55 * STORED), (x, 0.88 * STORED)
    # A window is heard from its first frame on, so the loudness at a time is that frame's opening.
    envelope = np.interp(np.arange(frames * 640) / 640, np.arange(frames), opening)
    sound = (rng.standard_normal(frames * 640) * 0.2 * 10 ** (-2 + 2 * envelope)).astype(np.float32)
    clip = Clip(name, identity or name, split, Path("nowhere"), frames)
    clip.__dict__.update(faces=faces, landmarks=landmarks, mel=mel_spectrogram(sound), sound=sound)
    return clip


def toy_folder(folder: Path, splits: tuple[str, ...], frames: int = 75) -> Path:
    """A folder as ``prepare`` leaves it, with one person for each name in ``splits``."""
    rows = []
    for index, split in enumerate(splits):
        name = f"c{index}"
        clip = toy_clip(name, seed=index, frames=frames)
        soundfile.write(folder / "sound.wav", clip.__dict__["sound"], 16_000)
        with VideoWriter(folder / f"{name}.mp4", STORED, STORED, 25, audio=folder / "sound.wav") as writer:
            for face in clip.faces:
                writer.write(face)
        np.save(folder / f"{name}.npy", clip.landmarks)
        rows.append((name, f"p{index}", split, frames))
    (folder / "sound.wav").unlink()
    columns = ["clip", "identity", "split", "frames"]
    pd.DataFrame(rows, columns=columns).to_csv(folder / "manifest.csv", index=False)
    return folder
