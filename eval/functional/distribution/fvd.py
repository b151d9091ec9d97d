"""Fréchet distance between the I3D features of two sets of videos (Unterthiner et al. 2018, 1812.01717)."""

from __future__ import annotations

import cv2
import numpy as np
import torch

from eval.functional.distribution.fid import Features, FidScore, fid_compute, fid_update
from lipsync.experts.i3d import SIZE
from lipsync.texts import Message

CLIP = 16  # frames of one clip, as most of the literature has it
FEATURES = 400  # the logits of Kinetics-400


def fvd_update(features: np.ndarray) -> Features:
    """What some clips contribute; add over batches and give both sides to `fvd_compute`.

    Args:
        features: (N, 400), one row per clip, from `i3d_features`.

    Raises:
        ValueError: if it is not a matrix.
    """
    return fid_update(features)


def fvd_compute(generated: Features, reference: Features) -> FidScore:
    """The distance of FID between these features; its ``frames`` are clips.

    Raises:
        ValueError: if a side has fewer than 2 clips.
    """
    if min(generated.count, reference.count) < 2:
        raise ValueError(Message("reason.two_clips", frames=CLIP))
    return fid_compute(generated, reference)


def fvd(generated: np.ndarray, reference: np.ndarray) -> float:
    """FVD of (N, 400) and (M, 400) features; lower is better."""
    return fvd_compute(fvd_update(generated), fvd_update(reference)).value


def i3d_features(network: torch.nn.Module, clips: np.ndarray) -> np.ndarray:
    """(N, 400) float32 features of (N, 16, H, W, 3) uint8 RGB clips of square pictures of any size.

    Every picture is resized to 224 pixels a side, averaged where it shrinks, and scaled to −1..1.
    """
    if not len(clips):
        return np.zeros((0, FEATURES), np.float32)
    shrinks = clips.shape[2] > SIZE
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    small = np.stack(
        [[cv2.resize(picture, (SIZE, SIZE), interpolation=how) for picture in clip] for clip in clips]
    )
    with torch.inference_mode():
        rows = [
            network(torch.from_numpy(clip)[None].permute(0, 4, 1, 2, 3).float() / 127.5 - 1) for clip in small
        ]
        return torch.cat(rows).numpy()
