"""References whose pixels are moved to where the speech wants them, instead of painting a mouth anew.

Not in the patent. A mouth painted by a network that saw half an hour of people is a blur; the references
show the person's own lips and teeth, from closed to open. The decoder predicts where each pixel lies in
each of them and how much of each to show, and paints only what none of them has.
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
            references: (N, 3 R, H, W), each for the next B / N of the flows.
        """
        height, width = references.shape[-2:]
        rows, shared, count = height - first, len(references), self.references
        flow = F.interpolate(flow, (rows, width), mode="bilinear", align_corners=False)
        centres = pixel_centres(height, width, flow)[:, first:].repeat(count, 1, 1)[None]
        # Values of a pixel side by side in memory, as the grid has them.
        places = flow.contiguous(memory_format=torch.channels_last) + centres.contiguous(
            memory_format=torch.channels_last
        )
        grid = places.unflatten(1, (count, 2)).unflatten(0, (shared, -1)).permute(0, 2, 1, 4, 5, 3)
        pictures = references.float().unflatten(1, (count, 3)).flatten(0, 1)  # (N R, 3, H, W)
        # One tall picture of all frames for each reference, so that no reference is copied for each frame.
        tall = grid.reshape(shared * count, -1, width, 2)  # N R pictures of B / N frames
        moved = F.grid_sample(pictures.contiguous(), tall, "bilinear", "border", align_corners=False)
        moved = moved.view(shared, count, 3, -1, rows, width).permute(0, 3, 1, 2, 4, 5)
        return moved.reshape(len(flow), 3 * count, rows, width)


def pixel_centres(height: int, width: int, like: Tensor) -> Tensor:
    """(2, height, width) places of the pixels' centres, x then y: -1 and 1 are the picture's borders.

    Borders, not the centres of the outer pixels: so a flow means the same at any size of the picture.
    """
    y, x = ((2 * torch.arange(n, device=like.device, dtype=like.dtype) + 1) / n - 1 for n in (height, width))
    return torch.stack(torch.meshgrid(x, y, indexing="xy"))


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
    shown = weights[:, -1] * painted.float()
    for index, picture in enumerate(moved.split(3, dim=1)):
        shown = torch.addcmul(shown, weights[:, index], picture)
    return shown
