"""Windows of some frames in a row, with their speech and one reference: what a generator is trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lipsync.audio.features import AudioFeatures
from lipsync.audio.mel import mel_spectrogram
from lipsync.data.augmentation import cut, framing, light, mask_bands
from lipsync.data.backgrounds import silent_sound
from lipsync.data.clips import FPS, MARGIN, STORED, Clip, speech_windows
from lipsync.data.movement import movement
from lipsync.faces.tracking.landmarks import MOUTH_LEFT, MOUTH_RIGHT, mouth_shape
from lipsync.nn.prior import pose_prior


@dataclass(frozen=True)
class WindowOptions:
    """What windows of clips are like.

    Attributes:
        frames: in a row.
        size: pixels, side of the crops.
        audio: the generator's input for each frame.
        sync_audio: a sync expert's input for the window, ``sync_speech``; None leaves it out.
        apart: frames at least to another time of the clip, whose speech is ``wrong_speech``; 0: none.
        augment: each window in a framing, light and sound of its own (``lipsync.data.augmentation``).
        wide_mouth_fraction: of the windows, which begin at a mouth drawn evenly over how far they open, not
            over time.
        silent: the last windows, so many, begin at a closed mouth and have sound without speech.
        movements: whether the batch holds ``movement`` (``lipsync.methods.wav2lip.train_speech.movement``).
    """

    frames: int
    size: int
    audio: AudioFeatures
    sync_audio: AudioFeatures | None = None
    apart: int = 0
    augment: bool = False
    wide_mouth_fraction: float = 0.0
    silent: int = 0
    movements: bool = False


def draw_windows(
    clips: Sequence[Clip], options: WindowOptions, rng: np.random.Generator
) -> dict[str, Tensor]:
    """One window of each clip, at a random time."""
    frames, size, augment = options.frames, options.size, options.augment
    pictures, references, speech, sync_speech, wrong_speech, shapes, moved, lips = ([] for _ in range(8))
    first, flipped = [], []
    vary = rng if augment else None
    for index, clip in enumerate(clips):
        start = int(rng.integers(0, len(clip) - frames + 1))
        quiet = index >= len(clips) - options.silent
        if quiet or (options.wide_mouth_fraction and rng.random() < options.wide_mouth_fraction):
            gaps = clip.shape[: len(clip) - frames + 1, 0]
            asked = np.quantile(gaps, rng.uniform(0, 0.25)) if quiet else rng.uniform(gaps.min(), gaps.max())
            start = int(np.abs(gaps - asked).argmin())
        at = np.arange(start, start + frames)
        matrix, mirrored = framing(STORED, size, MARGIN, vary)
        first.append(start)
        flipped.append(mirrored)
        table = light(rng) if augment else None
        pictures.append(cut(clip.pictures(at), matrix, size, table))
        # The reference lies away from the window in clips long enough, so that copying does not pay.
        other = int(rng.integers(0, len(clip)))
        if len(clip) > 50 and abs(other - start) < 15:
            other = (other + len(clip) // 2) % len(clip)
        near, _ = framing(STORED, size, MARGIN, None)
        if mirrored:
            near[0] = -near[0]
            near[0, 2] += size - 1
        references.append(cut(clip.pictures(np.array([other])), near, size, table)[0])
        if quiet:
            mel = mel_spectrogram(silent_sound(frames / FPS + 2, rng))
            windows = speech_windows(mel, 1 + np.arange(frames) / FPS, options.audio)
        else:
            windows = clip.speech(at, options.audio, vary)
        speech.append(mask_bands(windows, rng, widest=8) if augment else windows)
        points = clip.points(at)
        shapes.append(mouth_shape(points).astype(np.float32))
        if options.movements:
            moved.append(movement(clip.shape)[at])
        lips.append(points[:, [MOUTH_LEFT, MOUTH_RIGHT, 0, 17]] @ matrix[:, :2].T + matrix[:, 2])
        if options.sync_audio is not None:
            sync_speech.append(clip.speech(at[:1], options.sync_audio))
            if options.apart:
                elsewhere = np.array([another_time(len(clip) - frames, start, options.apart, rng)])
                wrong_speech.append(clip.speech(elsewhere, options.sync_audio))
    batch = {
        "frames": torch.from_numpy(np.stack(pictures)).permute(0, 1, 4, 2, 3),  # (W, T, 3, S, S) uint8
        "reference": torch.from_numpy(np.stack(references)).permute(0, 3, 1, 2),  # (W, 3, S, S) uint8
        "speech": torch.from_numpy(np.stack(speech)),  # (W, T, 1, rows, 16)
        "shape": torch.from_numpy(np.stack(shapes)),  # (W, T, 4)
        "lips": torch.from_numpy(np.stack(lips).astype(np.float32)),  # (W, T, 4, 2) pixels
        "first": torch.tensor(first),  # (W,) frame of the clip
        "mirrored": torch.tensor(flipped),  # (W,)
    }
    if options.movements:
        batch["movement"] = torch.from_numpy(np.stack(moved))  # (W, T, 4)
    for name, parts in (("sync_speech", sync_speech), ("wrong_speech", wrong_speech)):
        if parts:
            batch[name] = torch.from_numpy(np.concatenate(parts))  # (W, 1, rows, 16)
    return batch


def another_time(last: int, start: int, apart: int, rng: np.random.Generator) -> int:
    """A window's start in 0..last, ``apart`` or more from ``start``; where there is none, the farthest."""
    possible = [frame for frame in range(last + 1) if abs(frame - start) >= apart]
    return int(rng.choice(possible)) if possible else (0 if start > last - start else last)


def pose_and_reference(frames: Tensor, reference: Tensor, visible: float = 0.5) -> Tensor:
    """(B, 6, S, S): frames (B, 3, S, S) in 0..1 with the lower part zeroed, and their references.

    Args:
        reference: (B, 3, S, S), or (W, 3, S, S) when some frames in a row share one; 0..255.
        visible: share of the height, from the top, that is kept.
    """
    repeated = reference.float() / 255
    if len(reference) != len(frames):
        repeated = repeated.repeat_interleave(len(frames) // len(reference), dim=0)
    both = torch.cat([pose_prior(frames, visible), repeated], dim=1)
    return both.contiguous(memory_format=torch.channels_last)
