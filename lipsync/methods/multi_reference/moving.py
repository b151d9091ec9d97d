"""References whose pixels are moved to where the speech wants them, instead of painting a mouth anew.

Not in the patent. A mouth painted by a network that saw half an hour of people is a blur; the references
show the person's own lips and teeth, from closed to open. The decoder says where each pixel lies in each of
them and how much of each to show, and paints only what none of them has.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lipsync.faces.landmarks import EYE_LEFT, EYE_RIGHT, NOSE_TIP
from lipsync.methods.multi_reference.config import MultiReferenceConfig

STEP = 0.1  # halves of the picture's side that an output of 1 moves by: a step of training moves little
# What speech does not move, by which a reference is laid over the frame; the nose counts as much as the eyes,
# for the mouth is nearer to it.
ANCHORS = (*EYE_LEFT, *EYE_RIGHT, *(NOSE_TIP,) * 4)


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

    def move(
        self, flow: Tensor | None, references: Tensor, first: int, placed: Tensor | None = None
    ) -> Tensor:
        """The references as the flow carries them, from row ``first`` on: (B, 3 R, H - first, W).

        Args:
            flow: (B, 2 R, h, w) of any size; it covers the rows from ``first`` on. None: at rest.
            references: (B, 3 R, H, W).
            placed: (B, R, 2, 3) as ``placement`` gives it; None: the references lie as the frame does.
        """
        height, width = references.shape[-2:]
        size = (height - first, width)
        grid = pixel_centres(height, width, references.float())[:, first:, :, None]  # (1, rows, W, 1, 2)
        grid = grid.expand(len(references), -1, -1, self.references, -1)
        if flow is not None:
            flow = F.interpolate(flow, size, mode="bilinear", align_corners=False)
            grid = grid + flow.unflatten(1, (-1, 2)).permute(0, 3, 4, 1, 2)
        if placed is not None:
            a = placed[:, None, None]  # (B, 1, 1, R, 2, 3)
            # Written out: autocast would have a matrix product round the places to a half pixel.
            grid = a[..., 0] * grid[..., :1] + a[..., 1] * grid[..., 1:] + a[..., 2]
        grid = grid.permute(0, 3, 1, 2, 4).flatten(0, 1)  # (B R, rows, W, 2)
        pictures = references.float().unflatten(1, (self.references, 3)).flatten(0, 1)  # (B R, 3, H, W)
        moved = F.grid_sample(pictures, grid, "bilinear", "border", align_corners=False)
        return moved.unflatten(0, (-1, self.references)).flatten(1, 2)


def placement(frames: np.ndarray, references: np.ndarray, size: int) -> np.ndarray:
    """(B, R, 2, 3) float32 maps from places on a frame to places on a reference; -1 and 1 are the borders.

    Similarities: turned as the eyes are, since in a turned head the nose moves aside, and of the size and at
    the place of eyes and nose together.

    Args:
        frames: (B, 478, 2) landmarks, pixels of crops of ``size``.
        references: (R, 478, 2) likewise.
    """
    here, there = (
        ((2 * points[:, list(ANCHORS)].astype(np.float64) + 1) / size - 1) @ (1, 1j)
        for points in (frames, references)
    )  # (B, A), (R, A): x + iy, so that a similarity is q = a p + b
    middle, other = here.mean(1, keepdims=True), there.mean(1, keepdims=True)
    turn = (np.conj(_centred(here[:, :4]))[:, None] * _centred(there[:, :4])[None]).sum(2)  # (B, R)
    size_here, size_there = (np.linalg.norm(_centred(x), axis=1) for x in (here, there))
    ratio = size_there[None] / np.maximum(size_here, 1e-9)[:, None]
    a = turn / np.maximum(np.abs(turn), 1e-12) * ratio
    b = other.T - a * middle
    rows = np.stack([np.stack([a.real, -a.imag, b.real], -1), np.stack([a.imag, a.real, b.imag], -1)], 2)
    return rows.astype(np.float32)


def pixel_centres(height: int, width: int, like: Tensor) -> Tensor:
    """(1, height, width, 2) places of the pixels' centres, x then y: -1 and 1 are the picture's borders.

    Borders, not the centres of the outer pixels: so a flow means the same at any size of the picture.
    """
    y, x = ((2 * torch.arange(n, device=like.device, dtype=like.dtype) + 1) / n - 1 for n in (height, width))
    return torch.stack(torch.meshgrid(x, y, indexing="xy"), -1)[None]


def _centred(points: np.ndarray) -> np.ndarray:
    return points - points.mean(1, keepdims=True)


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
