"""Learned perceptual image patch similarity (Zhang et al. 2018), version 0.1."""

from __future__ import annotations

import numpy as np
import torch

from eval.functional.frame_mean import FrameMean, check_pictures, mean_of_frames
from lipsync.nn.threads import over_parts


def lpips_update(
    network: torch.nn.Module, generated: np.ndarray, reference: np.ndarray, batch: int = 4
) -> np.ndarray:
    """LPIPS of each frame.

    Args:
        network: from `load_lpips`, on any device.
        generated, reference: (N, H, W, 3) uint8 RGB, at least 32×32 (below, the last features vanish).
        batch: pictures that go through the network at once.

    Returns:
        (N,) float64, 0 for identical pictures, about 1 for unrelated ones; concatenate over batches
        and give to `lpips_compute`.

    Raises:
        ValueError: if type or shape do not fit.
    """
    check_pictures(generated, reference, smallest=32)
    device = next(network.parameters()).device

    def compare(*pictures: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return network(*(_tensor(side).to(device) for side in pictures)).flatten().double().cpu().numpy()

    if not len(generated):
        return np.zeros(0)
    return over_parts(compare, batch, generated, reference)


def lpips_compute(values: np.ndarray) -> FrameMean:
    """Mean over all frames, from (T,) values of `lpips_update`."""
    return mean_of_frames(values)


def lpips(network: torch.nn.Module, generated: np.ndarray, reference: np.ndarray) -> float:
    """LPIPS, mean over frames, of (N, H, W, 3) uint8 RGB pictures; lower is better."""
    return lpips_compute(lpips_update(network, generated, reference)).value


def _tensor(pictures: np.ndarray) -> torch.Tensor:
    """(N, 3, H, W) float32 in −1…1 from (N, H, W, 3) uint8."""
    return torch.tensor(pictures).permute(0, 3, 1, 2).float() / 127.5 - 1
