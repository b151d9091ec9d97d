"""Windows of frames with several references: what the multi-reference network is trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lipsync.data.augmentation import cut, framing, light
from lipsync.data.clips import MARGIN, STORED, Clip
from lipsync.data.speech_stretches import SpeechStretches
from lipsync.faces.references import choose_for_training
from lipsync.faces.tracking.landmarks import MOUTH_LEFT, MOUTH_RIGHT
from lipsync.methods.multi_reference.train_listener import GAP, movement

APART = 15  # frames at least from a window to its references, in clips long enough: copying must not pay


@dataclass(frozen=True)
class WindowSampling:
    """How windows and their references are drawn from clips.

    Attributes:
        frames: of a window, in a row.
        size: pixels, side of the crops; those stored have ``STORED``.
        references: R frames of the same clip, their mouths spread from closed to open.
        framed_alike: the references have the window's framing, where ``augment`` makes it a random one.
        single_reference_fraction: share of the windows, drawn at random, whose references are all one frame,
            as with a photo.
        wide_mouth_fraction: share of the windows that begin at a frame drawn evenly over how far the mouth is
            open, not over time.
        augment: each window in a framing, cast of colour and sound of its own as well.
    """

    frames: int
    size: int
    references: int
    framed_alike: bool = False
    single_reference_fraction: float = 0.0
    wide_mouth_fraction: float = 0.0
    augment: bool = False


def draw_reference_windows(
    clips: Sequence[Clip],
    sampling: WindowSampling,
    speech_stretches: SpeechStretches,
    rng: np.random.Generator,
) -> dict[str, Tensor]:
    """One window of each clip, at a random time and in a random light: the patent's gamma and brightness."""
    frames, size = sampling.frames, sampling.size
    pictures, others, speech, shapes, moved, lips, starts = [], [], [], [], [], [], []
    vary = rng if sampling.augment else None
    still = round(len(clips) * sampling.single_reference_fraction)
    photos = set(rng.permutation(len(clips))[:still].tolist())
    for index, clip in enumerate(clips):
        gaps = clip.shape[: len(clip) - frames + 1, GAP]
        start = int(rng.integers(0, len(gaps)))
        if rng.random() < sampling.wide_mouth_fraction:
            start = int(np.abs(gaps - rng.uniform(gaps.min(), gaps.max())).argmin())
        at = np.arange(start, start + frames)
        starts.append(start)
        matrix, mirrored = framing(STORED, size, MARGIN, vary)
        table = light(rng, coloured=sampling.augment)
        pictures.append(cut(clip.pictures(at), matrix, size, table))
        near = matrix  # as in use, where the tracker frames all of them alike
        if not sampling.framed_alike:
            near, _ = framing(STORED, size, MARGIN, None)
            if mirrored:
                near[0] = -near[0]
                near[0, 2] += size - 1
        chosen = choose_for_training(clip.shape[:, 0], at, sampling.references, APART, rng)
        if index in photos:
            chosen = np.full(sampling.references, rng.choice(chosen))
        shown = np.concatenate([clip.pictures(np.array([frame])) for frame in chosen])
        others.append(cut(shown, near, size, table))
        speech.append(speech_stretches.stretch(clip, start, frames, vary))
        points = clip.points(at)
        shapes.append(clip.shape[at])
        moved.append(movement(clip.shape)[at])
        lips.append(points[:, [MOUTH_LEFT, MOUTH_RIGHT, 0, 17]] @ matrix[:, :2].T + matrix[:, 2])
    return {
        "frames": torch.from_numpy(np.stack(pictures)).permute(0, 1, 4, 2, 3),  # (W, T, 3, S, S) uint8
        "references": torch.from_numpy(np.stack(others)).permute(0, 1, 4, 2, 3),  # (W, R, 3, S, S) uint8
        "speech": torch.from_numpy(np.stack(speech)),  # (W, L, ...)
        "shape": torch.from_numpy(np.stack(shapes).astype(np.float32)),  # (W, T, 4)
        "moved": torch.from_numpy(np.stack(moved)),  # (W, T, 4) the same without what is the person's own
        "lips": torch.from_numpy(np.stack(lips).astype(np.float32)),  # (W, T, 4, 2) pixels
        "start": torch.tensor(starts),  # (W,) first frames
    }
