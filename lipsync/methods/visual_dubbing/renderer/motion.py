"""SFM, the spatial flow of the motion: where each pixel of the target lies in the references (eq 14).

The paper takes several reference faces, and eq 14 prints one. Here one pass sees all of them and gives each a
flow of its own and a score; the warped faces are added up by the softmax of the scores, as IP_LAP does, which
the paper compares with. With one reference that is eq 14.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lipsync.methods.visual_dubbing.config import RendererConfig
from lipsync.methods.visual_dubbing.renderer.unet import Decoder, Encoder, zero


class MotionNet(nn.Module):
    """Dense flows ω from the rendered 3D face and R references; they start at zero, the shares alike."""

    def __init__(self, config: RendererConfig):
        super().__init__()
        channels = config.channels(config.motion_channels)
        self.references = config.references
        self.encoder = Encoder(3 + 3 * self.references, channels)
        self.decoder = Decoder(channels)
        scores = self.references if self.references > 1 else 0
        self.flow = zero(nn.Conv2d(channels[0], 2 * self.references + scores, 3, 1, 1))

    def forward(self, guide: Tensor, references: Tensor) -> tuple[Tensor, Tensor | None]:
        """Flow of each reference, and its share in the warped face.

        Args:
            guide: (B, 3, H, W) I_3D.
            references: (B, 3 R, H, W).

        Returns:
            (B, R, H, W, 2) displacements, x then y, in units of ``identity_grid``, and (B, R, H, W) shares,
            which sum to 1; None for a single reference.
        """
        found = self.flow(self.decoder(self.encoder(torch.cat([guide, references], 1)))[0])
        flows, scores = found[:, : 2 * self.references], found[:, 2 * self.references :]
        flows = flows.unflatten(1, (self.references, 2)).permute(0, 1, 3, 4, 2)
        return flows, scores.softmax(1) if self.references > 1 else None


def identity_grid(height: int, width: int, like: Tensor) -> Tensor:
    """(1, height, width, 2) sampling positions that change nothing: -1 and 1 are outer pixels' centres."""
    y = torch.linspace(-1, 1, height, device=like.device, dtype=like.dtype)
    x = torch.linspace(-1, 1, width, device=like.device, dtype=like.dtype)
    return torch.stack(torch.meshgrid(x, y, indexing="xy"), -1)[None]


def warp(image: Tensor, grid: Tensor) -> Tensor:
    """Spatial transformer: (B, C, h, w) sampled at (B, H, W, 2), to (B, C, H, W); the edge repeats."""
    return F.grid_sample(image, grid.to(image.dtype), "bilinear", "border", align_corners=True)
