"""Mouth movements that a speech encoder predicts, and its embeddings corrected to the real ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from lipsync.data.clips import Clip
from lipsync.errors import ConfigError


def movement(shape: np.ndarray) -> np.ndarray:
    """Mouth shapes (T, 4) of a clip without what is the person's own: all but the gap less their mean."""
    own = shape.mean(0)
    own[0] = 0
    return shape - own


def load_movement_head(path: str) -> nn.Linear:
    """What reads movements off a speech encoder's embeddings, frozen, as ``train speech`` saved it.

    Raises:
        ConfigError: the file is missing, or was left without a head.
    """
    state = load_file(path) if Path(path).is_file() else {}
    if "head.weight" not in state:
        where = path or "stage.speech"
        raise ConfigError("train.no_speech_head", place=where)
    head = nn.Linear(state["head.weight"].shape[1], state["head.weight"].shape[0])
    head.load_state_dict({"weight": state["head.weight"], "bias": state["head.bias"]})
    return head.requires_grad_(False)


def corrected(embedding: Tensor, asked: Tensor, head: nn.Linear) -> Tensor:
    """Speech embeddings (B, C, 1, 1), changed as little as lets the head read ``asked`` (B, 4) movements."""
    own = embedding.float().flatten(1)
    with torch.autocast(own.device.type, enabled=False):
        change = (asked - head(own)) @ torch.linalg.pinv(head.weight).T  # (B, C)
    return (own + change)[..., None, None].to(embedding.dtype)


def closed_movement(clips: Sequence[Clip]) -> Tensor:
    """(4,) movement at rest: median over clips of the mean of the quarter of frames with the lowest gap."""
    rests = []
    for clip in clips:
        gap = clip.shape[:, 0]
        rests.append(movement(clip.shape)[gap <= np.quantile(gap, 0.25)].mean(0))
    return torch.from_numpy(np.median(rests, axis=0).astype(np.float32))
