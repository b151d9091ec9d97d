"""Losses, each as its paper states it."""

from __future__ import annotations

import math

import torch.nn.functional as F
from torch import Tensor


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


def warm_cosine(progress: float, warm: float) -> float:
    """Learning-rate factor: linearly up from 0 over the share ``warm`` of a run, then a cosine down to 0."""
    if progress < warm:
        return progress / warm
    return 0.5 * (1 + math.cos(math.pi * (progress - warm) / (1 - warm)))
