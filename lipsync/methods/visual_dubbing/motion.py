"""SFM, the spatial flow of the motion: where each pixel of the target lies in the reference (eq 14)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lipsync.methods.visual_dubbing.config import RendererConfig
from lipsync.methods.visual_dubbing.unet import Decoder, Encoder, zero


class MotionNet(nn.Module):
    """Dense flow ω from the rendered 3D face and the reference; it starts at zero."""

    def __init__(self, config: RendererConfig):
        super().__init__()
        channels = config.channels(config.motion_channels)
        self.encoder = Encoder(6, channels)
        self.decoder = Decoder(channels)
        self.flow = zero(nn.Conv2d(channels[0], 2, 3, 1, 1))

    def forward(self, guide: Tensor, reference: Tensor) -> Tensor:
        """(B, 3, H, W) each, to (B, H, W, 2) displacements, x then y, in units of ``identity_grid``."""
        x = self.decoder(self.encoder(torch.cat([guide, reference], 1)))[0]
        return self.flow(x).permute(0, 2, 3, 1)


def identity_grid(height: int, width: int, like: Tensor) -> Tensor:
    """(1, height, width, 2) sampling positions that change nothing: -1 and 1 are outer pixels' centres."""
    y = torch.linspace(-1, 1, height, device=like.device, dtype=like.dtype)
    x = torch.linspace(-1, 1, width, device=like.device, dtype=like.dtype)
    return torch.stack(torch.meshgrid(x, y, indexing="xy"), -1)[None]


def warp(image: Tensor, grid: Tensor) -> Tensor:
    """Spatial transformer: (B, C, h, w) sampled at (B, H, W, 2), to (B, C, H, W); the edge repeats."""
    return F.grid_sample(image, grid.to(image.dtype), "bilinear", "border", align_corners=True)
