"""Losses of visual dubbing's renderer (eq 23-31): pixels, structure, correspondence, features, style."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lipsync.experts.perceptual import LpipsNet, load_lpips
from lipsync.methods.visual_dubbing.renderer.motion import identity_grid, warp

WINDOW = 11  # pixels, side of SSIM's Gaussian window, deviation 1.5 (Wang et al. 2004)


def masked_l1(a: Tensor, b: Tensor, weight: Tensor) -> Tensor:
    """Eq 23: mean absolute difference of (B, C, H, W), by a (B, 1, H, W) weight."""
    return ((a - b).abs() * weight).sum() / (weight.sum() * a.shape[1]).clamp(min=1)


def ssim_loss(a: Tensor, b: Tensor) -> Tensor:
    """Eq 24: 1 - SSIM of (B, C, H, W) pictures in 0..1, mean over windows that lie inside."""
    channels = a.shape[1]
    line = torch.arange(WINDOW, device=a.device, dtype=a.dtype) - WINDOW // 2
    line = torch.exp(-(line**2) / (2 * 1.5**2))
    line = line / line.sum()

    def blur(x: Tensor) -> Tensor:
        x = F.conv2d(x, line.view(1, 1, 1, -1).expand(channels, 1, 1, -1), groups=channels)
        return F.conv2d(x, line.view(1, 1, -1, 1).expand(channels, 1, -1, 1), groups=channels)

    mean_a, mean_b = blur(a), blur(b)
    var_a, var_b = blur(a * a) - mean_a**2, blur(b * b) - mean_b**2
    cov = blur(a * b) - mean_a * mean_b
    c1, c2 = 0.01**2, 0.03**2
    top = (2 * mean_a * mean_b + c1) * (2 * cov + c2)
    return 1 - (top / ((mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2))).mean()


def correspondence_loss(grid: Tensor, warped: Tensor, target: Tensor, weight: Tensor, most: float) -> Tensor:
    """Eq 27: how far the warped face lies from the target, in pixels.

    The paper compares the output of a pretrained flow network C for both pictures. Here the flow between them
    is OpenCV's DIS, which ships with a dependency and has no gradient: it determines where the warp should
    have sampled, and the grid is drawn there.

    Args:
        grid: (B, H, W, 2) sampling positions that gave ``warped``.
        warped, target: (B, 3, H, W) in 0..1.
        weight: (B, 1, H, W), where it counts.
        most: pixels; larger flows are not believed.
    """
    height, width = target.shape[-2:]
    found = optical_flow(target, warped).to(grid)  # (B, H, W, 2) pixels
    unit = grid.new_tensor((2 / max(1, width - 1), 2 / max(1, height - 1)))
    here = identity_grid(height, width, grid)
    # The target's pixel x looks like the warped pixel x + f(x), which came from grid(x + f(x)).
    wanted = warp(grid.detach().permute(0, 3, 1, 2), here + found * unit).permute(0, 2, 3, 1)
    believed = weight[:, 0] * (found.norm(dim=-1) <= most)
    error = ((grid - wanted) / unit).square().sum(-1).add(1e-6).sqrt()  # (B, H, W)
    return (error * believed).sum() / believed.sum().clamp(min=1)


def optical_flow(source: Tensor, other: Tensor) -> Tensor:
    """(B, H, W, 2) pixels: source(x) looks like other(x + flow); pictures (B, 3, H, W) in 0..1."""
    engine = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    grey = [
        (x.detach().float().mean(1).clamp(0, 1) * 255).round().to(torch.uint8).cpu().numpy()
        for x in (source, other)
    ]
    empty = np.zeros((*grey[0].shape[1:], 2), np.float32)
    flows = [engine.calc(a, b, empty.copy()) for a, b in zip(*grey, strict=True)]
    return torch.from_numpy(np.stack(flows))


class Features(nn.Module):
    """φ_l of eq 28-29: five layers of VGG-16 or AlexNet with ImageNet's weights, as LPIPS has them.

    The paper uses VGG-19; VGG-16 is what the artefact table has. AlexNet costs a tenth.
    """

    def __init__(self, net: LpipsNet = "vgg"):
        super().__init__()
        self.lpips = load_lpips(net)

    def forward(self, pictures: Tensor) -> list[Tensor]:
        """Features of (B, 3, H, W) in 0..1."""
        return self.lpips.features(pictures * 2 - 1)


def perceptual_loss(a: Sequence[Tensor], b: Sequence[Tensor]) -> Tensor:
    """Eq 28: mean absolute difference of features, summed over layers."""
    return torch.stack([(x - y).abs().mean() for x, y in zip(a, b, strict=True)]).sum()


def style_loss(a: Sequence[Tensor], b: Sequence[Tensor]) -> Tensor:
    """Eq 29: absolute difference of Gram matrices over (C H W)², mean of the batch, summed over layers."""
    pairs = zip(a, b, strict=True)
    return torch.stack([(_gram(x) - _gram(y)).abs().sum((1, 2)).mean() for x, y in pairs]).sum()


def _gram(features: Tensor) -> Tensor:
    flat = features.flatten(2)  # (B, C, HW)
    volume = float(flat.shape[1] * flat.shape[2])
    return (flat / volume) @ (flat / volume).transpose(1, 2)  # scaled first: the product overflows fp16
