"""References whose pixels are moved to where the speech wants them, instead of painting a mouth anew.

Not in the patent. A mouth painted by a network that saw half an hour of people is a blur; the references
show the person's own lips and teeth, from closed to open. The decoder says where each pixel lies in each of
them and how much of each to show, and paints only what none of them has.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lipsync.methods.multi_reference.config import MultiReferenceConfig

STEP = 0.1  # halves of the picture's side that an output of 1 moves by: a step of training moves little


class Motion(nn.Module):
    """Where each pixel lies in each reference, at half the size at which the network sees; starts at rest."""

    def __init__(self, channels: int, config: MultiReferenceConfig):
        super().__init__()
        self.references = config.references
        self.flow = nn.Conv2d(channels, 2 * config.references, 3, padding=1)
        nn.init.zeros_(self.flow.weight)
        nn.init.zeros_(self.flow.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, h, w) to (B, 2 R, h, w): x then y of each reference, in halves of the picture's side."""
        return self.flow(x).float() * STEP

    def move(self, flow: Tensor, references: Tensor, first: int) -> Tensor:
        """The references as the flow carries them, from row ``first`` on: (B, 3 R, H - first, W).

        Args:
            flow: (B, 2 R, h, w) of any size; it covers the rows from ``first`` on.
            references: (B, 3 R, H, W).
        """
        height, width = references.shape[-2:]
        rows = height - first
        flow = F.interpolate(flow, (rows, width), mode="bilinear", align_corners=False)
        grid = pixel_centres(height, width, flow)[:, first:] + flow.unflatten(1, (-1, 2)).permute(
            0, 1, 3, 4, 2
        ).flatten(0, 1)  # (B R, rows, W, 2)
        pictures = references.float().unflatten(1, (self.references, 3)).flatten(0, 1)  # (B R, 3, H, W)
        moved = F.grid_sample(pictures, grid, "bilinear", "border", align_corners=False)
        return moved.unflatten(0, (-1, self.references)).flatten(1, 2)


def pixel_centres(height: int, width: int, like: Tensor) -> Tensor:
    """(1, height, width, 2) places of the pixels' centres, x then y: -1 and 1 are the picture's borders.

    Borders, not the centres of the outer pixels: so a flow means the same at any size of the picture.
    """
    y, x = ((2 * torch.arange(n, device=like.device, dtype=like.dtype) + 1) / n - 1 for n in (height, width))
    return torch.stack(torch.meshgrid(x, y, indexing="xy"), -1)[None]


def blend(shares: Tensor, moved: Tensor, painted: Tensor) -> Tensor:
    """(B, 3, H, W): at every pixel a mean of the moved references and of what was painted.

    Args:
        shares: (B, R + 1, h, w) logits, the painting's last; of any size.
        moved: (B, 3 R, H, W).
        painted: (B, 3, h, w) in 0..1, of any size.
    """
    size = moved.shape[-2:]
    if shares.shape[-2:] != size:
        shares, painted = (
            F.interpolate(x.float(), size, mode="bilinear", align_corners=False) for x in (shares, painted)
        )
    weights = shares.float().softmax(1)[:, :, None]  # (B, R + 1, 1, H, W)
    every = torch.cat([moved, painted.float()], dim=1).unflatten(1, (-1, 3))  # (B, R + 1, 3, H, W)
    return (weights * every).sum(1)
