"""Losses, each as its paper states it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from lipsync.data.clips import Clip


def sync_probability(face: Tensor, audio: Tensor, guard: str = "epsilon", epsilon: float = 1e-8) -> Tensor:
    """(B,) P_sync in 0..1 of M-CSAWav2Lip eq 11: face · audio / max(|face| |audio|, ε), (B, D) each.

    The vectors come out of a ReLU, so the cosine is not negative. ``guard`` "epsilon" reads the
    paper's symbol as the guard against division by zero (as Wav2Lip, whose ε is 1e-8); "sigmoid" as the
    sigmoid that eq 11 names, applied to the cosine.
    """
    cosine = (face * audio).sum(1) / (face.norm(dim=1) * audio.norm(dim=1)).clamp(min=epsilon)
    return cosine.sigmoid() if guard == "sigmoid" else cosine.clamp(0, 1)


def sync_loss(probability: Tensor) -> Tensor:
    """Eq 12: mean(-log P), probabilities kept at 1e-6 or above."""
    return -probability.float().clamp(min=1e-6).log().mean()


def sync_bce(probability: Tensor, target: Tensor) -> Tensor:
    """Binary cross-entropy that trains a sync expert; ``target`` is 1 for the same time, 0 for another."""
    return F.binary_cross_entropy(probability.float().clamp(1e-6, 1 - 1e-6), target)


def adversarial_loss(fake: Tensor) -> Tensor:
    """Eq 13 for the generator in its non-saturating form: mean(-log D(G)), from logits."""
    return F.softplus(-fake.float()).mean()


def discriminator_loss(real: Tensor, fake: Tensor) -> Tensor:
    """Eq 14: mean(-log D(real)) + mean(-log(1 - D(fake))), from logits."""
    return F.softplus(-real.float()).mean() + F.softplus(fake.float()).mean()


def correlation(predicted: Tensor, target: Tensor) -> Tensor:
    """Pearson r along time of (B, T, C) series, as (B, C) in -1..1; constant series give 0."""
    p = predicted.float() - predicted.float().mean(1, keepdim=True)
    t = target - target.mean(1, keepdim=True)
    return (p * t).sum(1) / ((p * p).sum(1) * (t * t).sum(1) + 1e-6).sqrt()


def mean_correlation(clips: Sequence[Clip], predict: Callable[[Clip], Tensor]) -> dict[str, float]:
    """Correlation over time of the predictions for each clip, (T, 4), with its mouth shape."""
    if not clips:
        return {}
    found = [
        correlation(predict(clip)[None], torch.from_numpy(clip.shape)[None])[0].numpy() for clip in clips
    ]
    mean = np.average(found, axis=0, weights=[len(clip) for clip in clips])
    return {
        f"dev_r_{name}": float(r) for name, r in zip(("gap", "height", "width", "chin"), mean, strict=True)
    }


def lip_weight(lips: Tensor, size: int, extra: float) -> Tensor:
    """(B, 1, S, S) weight of the L1: 1, plus a Gaussian of height ``extra`` around the mouth.

    Args:
        lips: (B, 4, 2) pixels of mouth corners, top and bottom of the lips.
    """
    grid = torch.arange(size, device=lips.device, dtype=torch.float32)
    centre = lips.mean(1)  # (B, 2)
    spread = (lips[:, 0] - lips[:, 1]).norm(dim=1)[:, None] * 0.45  # (B, 1)
    x = torch.exp(-(((grid - centre[:, :1]) / spread) ** 2) / 2)  # (B, S)
    y = torch.exp(-(((grid - centre[:, 1:]) / spread) ** 2) / 2)
    return 1 + extra * y[:, None, :, None] * x[:, None, None, :]
