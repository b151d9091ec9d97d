"""What a generator is shown of the face that it draws."""

from __future__ import annotations

from torch import Tensor


def pose_prior(frames: Tensor, visible: float = 0.5) -> Tensor:
    """(B, C, S, S): the frames with the lower part zeroed, where the mouth is; a copy.

    Args:
        frames: (B, C, S, S).
        visible: share of the height, from the top, that is kept.
    """
    prior = frames.clone()
    prior[:, :, round(frames.shape[2] * visible) :] = 0
    return prior
